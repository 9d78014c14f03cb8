/** The start screen: departments, and a few products. */

import { h } from "../../shared/dom.js";
import { gridOf, gridSkeleton, pictureOf, priceOf, productPath } from "../components/parts.js";
import { newsOf } from "../components/news.js";
import { live } from "../live.js";

/**
 * @typedef {import("../models.js").Home} Home
 * @typedef {import("../main.js").Open} Open
 */

/** @type {Open} */
export const home = (shared, { signal, setTitle }) => {
  const { app } = shared;
  const part = live(app, {
    name: "home",
    isPrivate: true,
    call: () => app.api.home(),
    draw: (found) => {
      if (!found.degraded.includes("timeline")) app.setUnread(found.unread);
      return draw(shared, found);
    },
    skeleton: skeleton(),
    signal,
    fallback: async () => {
      const tiles = (await app.store.products()).slice(0, 8);
      return tiles.length ? { tiles, types: [], news: [], unread: 0, newest: null, nextNews: null, degraded: ["timeline"] } : null;
    },
  });
  const element = h(
    "div",
    { class: "screen home" },
    h(
      "header",
      { class: "masthead" },
      h("h1", { class: "wordmark" }, "Frontispiece"),
      h("p", { class: "muted" }, "Paper, ink and the tools of the book"),
    ),
    part.element,
  );
  setTitle("");
  return { element, ready: part.ready };
};

/**
 * @param {import("../main.js").Shared} shared
 * @param {Home} home
 */
function draw(shared, { tiles, types, news, newest, nextNews }) {
  const [first, ...others] = tiles;
  return [
    departments(types),
    newsOf(shared, news, newest, nextNews ?? null),
    first ? lead(first) : null,
    h("section", { "aria-labelledby": "picked" }, h("h2", { id: "picked", class: "section-title" }, "From the workshop"), gridOf(others, 2)),
  ];
}

/** @param {Home["types"]} types */
function departments(types) {
  /** @param {{ href: string, name: string }} link */
  const chip = ({ href, name }) => h("li", null, h("a", { class: "chip", href }, name));
  const links = types.map(({ id, name }) => ({ href: `/m/search?type=${encodeURIComponent(id)}`, name }));
  return h(
    "nav",
    { class: "scroller", "aria-label": "Departments" },
    h("ul", { class: "chips" }, chip({ href: "/m/search", name: "Everything" }), ...links.map(chip)),
  );
}

/** @param {Home["tiles"][number]} card */
function lead(card) {
  return h(
    "a",
    { class: "lead", href: productPath(card.sku) },
    pictureOf(card.image, { isFirst: true }),
    h("div", { class: "lead-text" }, h("h2", null, card.name), priceOf(card.price, card.was)),
  );
}

function skeleton() {
  return h(
    "div",
    { "aria-hidden": "true" },
    h("div", { class: "scroller" }, h("div", { class: "skeleton skeleton-chips" })),
    h("div", { class: "lead" }, h("div", { class: "skeleton skeleton-picture" }), h("div", { class: "lead-text skeleton-lead-text" })),
    h("div", { class: "section-title skeleton-title" }),
    gridSkeleton(6),
  );
}
