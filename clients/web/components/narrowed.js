/** What a search is narrowed down by, and what there is to do when it finds nothing. */

import { h } from "../../shared/dom.js";
import { searchPath } from "../query.js";
import { icon } from "./icons.js";

/**
 * @typedef {import("../query.js").Search} Search
 * @typedef {import("../models.js").Named} Named
 */

/** @type {Partial<Search>} */
const WHOLE = { brand: [], type: [], min: null, max: null };

/**
 * What the search is narrowed down by, each with a button that drops it.
 *
 * @param {Search} search
 * @param {{ types: Named[], brands: Named[] }} names
 * @param {(change: Partial<Search>) => void} onDrop
 */
export function narrowedItems({ type, brand, min, max }, { types, brands }, onDrop) {
  const nameOf = (/** @type {Named[]} */ all, /** @type {string} */ id) =>
    all.find((each) => each.id === id)?.name ?? id;
  const without = (/** @type {string[]} */ ids, /** @type {string} */ id) => ids.filter((each) => each !== id);
  /** @type {{ name: string, change: Partial<Search> }[]} */
  const choices = [
    ...type.map((id) => ({ name: nameOf(types, id), change: { type: without(type, id) } })),
    ...brand.map((id) => ({ name: nameOf(brands, id), change: { brand: without(brand, id) } })),
  ];
  if (min !== null || max !== null) {
    choices.push({ name: "Price", change: { min: null, max: null } });
  }
  return choices.map(({ name, change }) => {
    const button = {
      type: "button",
      class: "chip",
      "aria-label": `Without ${name}`,
      on: { click: () => onDrop(change) },
    };
    return h("li", null, h("button", button, name, icon("close")));
  });
}

/** @param {Search} search */
export function nothingFound(search) {
  const { q, brand, type, min, max } = search;
  const isNarrowed = brand.length + type.length > 0 || min !== null || max !== null;
  const hint = isNarrowed
    ? "Perhaps with less to narrow it down by."
    : "Perhaps another word for it, or a shorter one.";
  const widen = { class: "button primary", href: searchPath({ ...search, ...WHOLE }) };
  return h(
    "div",
    { class: "nothing" },
    h("h2", null, q ? `Nothing is called “${q}”` : "Nothing fits all of that"),
    h("p", { class: "muted" }, hint),
    h(
      "p",
      { class: "actions" },
      isNarrowed && h("a", widen, "Search the whole shop"),
      h("a", { class: "button", href: "/search" }, "Browse everything"),
    ),
  );
}
