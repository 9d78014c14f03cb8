/** The bar at the bottom, in reach of the thumb. */

import { fill, find, h } from "../../shared/dom.js";
import { icon } from "./icons.js";
import { hidden } from "./parts.js";

const TABS = /** @type {const} */ ([
  { path: "/m/", label: "Home", glyph: "home" },
  { path: "/m/search", label: "Search", glyph: "search" },
  { path: "/m/basket", label: "Basket", glyph: "bag" },
  { path: "/m/orders", label: "Orders", glyph: "parcel" },
  { path: "/m/account", label: "You", glyph: "person" },
]);

/** Screens that belong to another tab than their path begins with. */
const WITHIN = /** @type {Record<string, string>} */ ({ checkout: "/m/basket", callback: "/m/account" });

/**
 * Marks the tab of the screen, and shows how many pieces are in the basket, and how many news are unread.
 *
 * @param {import("../app.js").App} app
 * @param {string} path
 */
export function showTabs(app, path) {
  const bar = find("#tabs", HTMLElement);
  if (bar.childElementCount === 0) {
    bar.append(...TABS.map(({ path: href, label, glyph }) => h("a", { class: "tab", href }, icon(glyph), h("span", null, label), h("span", { class: "tab-count" }))));
  }
  const first = path.split("/")[2] ?? "";
  const before = bar.querySelector("[aria-current]")?.getAttribute("href") ?? "/m/search";
  const present = first === "products" ? before : (WITHIN[first] ?? `/m/${first}`); // a product is where it was opened from
  const { pieces } = app.basket;
  for (const tab of bar.querySelectorAll("a")) {
    const isPresent = tab.getAttribute("href") === present;
    isPresent ? tab.setAttribute("aria-current", "page") : tab.removeAttribute("aria-current");
    const count = tab.querySelector(".tab-count");
    if (count && tab.getAttribute("href") === "/m/basket") {
      const text = pieces > 99 ? "99+" : String(pieces);
      fill(count, ...(pieces > 0 ? [text, hidden(pieces === 1 ? " piece" : " pieces")] : []));
    } else if (count && tab.getAttribute("href") === "/m/") {
      const text = app.unread > 99 ? "99+" : String(app.unread);
      fill(count, ...(app.unread > 0 ? [text, hidden(" unread news")] : []));
    }
  }
}
