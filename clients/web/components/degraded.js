/** What is missing on a page because a service does not answer. */

import { h } from "../../shared/dom.js";

/** What the sources of the BFF's pages are called in the shop. @type {Record<string, string>} */
const PARTS = {
  stocks: "stock",
  discounts: "discounts",
  ratings: "ratings",
  latest: "reviews",
  related: "related articles",
  related_skus: "related articles",
  skus: "related articles",
  also_bought: "what others bought with it",
  types: "departments",
  timeline: "news",
  articles_of_news: "news",
  follows: "whether you follow the maker",
  pickups: "stores where you could pick it up",
  tracking: "the parcel's way",
  parcels: "the parcels' ways",
  "orders.items.parcel": "the parcels' ways",
  order: "the newest state",
  orders: "the newest orders",
};

/**
 * A line that names the missing parts; null when nothing is missing.
 *
 * @param {import("../../shared/http.js").Degraded} degraded
 */
export function degradedNote(degraded) {
  const names = new Set(Object.keys(degraded).map((name) => PARTS[name] ?? "a part of this page"));
  if (names.size === 0) {
    return null;
  }
  const list = new Intl.ListFormat("en", { type: "conjunction" }).format(names);
  return h(
    "p",
    { class: "degraded", role: "note" },
    `Not shown right now: ${list}. Everything else is as it should be.`,
  );
}
