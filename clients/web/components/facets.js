/** What a search can be narrowed by. Each change is a new search. */

import { fill, h } from "../../shared/dom.js";
import { price } from "../format.js";

/** Brands that are shown before somebody asks for all. */
const SHOWN = 8;

/** @typedef {import("../query.js").Search} Search */

export class Facets {
  #groups;
  #onChange;
  #areAllShown = false;

  /** @param {(change: Partial<Search>) => void} onChange */
  constructor(onChange) {
    this.#onChange = onChange;
    this.#groups = h("div", { class: "facet-groups" });
    const isWide = matchMedia("(min-width: 60rem)");
    this.element = h(
      "details",
      { class: "facets", open: isWide.matches },
      h("summary", { class: "button" }, "Narrow down"),
      this.#groups,
    );
    isWide.addEventListener("change", ({ matches }) => (this.element.open = matches));
  }

  /**
   * @param {import("../models.js").Facets} facets
   * @param {Search} search
   */
  show(facets, search) {
    const focused = document.activeElement?.id;
    fill(
      this.#groups,
      this.#named("type", "Department", facets.types, search.type),
      this.#prices(facets.prices, search),
      this.#named("brand", "Maker", facets.brands, search.brand, () => this.show(facets, search)),
    );
    const again = focused ? document.getElementById(focused) : null;
    if (again && this.#groups.contains(again)) {
      again.focus({ preventScroll: true });
    }
  }

  /**
   * @param {"type" | "brand"} name
   * @param {string} title
   * @param {import("../models.js").Counted[]} values
   * @param {string[]} chosen
   * @param {() => void} [redraw]
   */
  #named(name, title, values, chosen, redraw) {
    if (values.length === 0) {
      return null;
    }
    const rows = values.map(({ id, name: label, count }) => {
      const toggle = () => {
        const next = chosen.includes(id) ? chosen.filter((each) => each !== id) : [...chosen, id];
        this.#onChange({ [name]: next });
      };
      return choice(`${name}-${id}`, label, count, {
        type: "checkbox",
        checked: chosen.includes(id),
        on: { change: toggle },
      });
    });
    const hides = redraw && !this.#areAllShown && rows.length > SHOWN + 1;
    const all = () => {
      this.#areAllShown = true;
      redraw?.();
      document.getElementById(`${name}-${values[SHOWN]?.id}`)?.focus();
    };
    return h(
      "fieldset",
      { class: "facet" },
      h("legend", null, title),
      ...(hides ? rows.filter((_, index) => index < SHOWN || chosen.includes(values[index]?.id ?? "")) : rows),
      hides && h("button", { type: "button", class: "link-button", on: { click: all } }, `All ${values.length}`),
    );
  }

  /**
   * @param {import("../models.js").PriceRange[]} ranges
   * @param {Search} search
   */
  #prices(ranges, { min, max }) {
    if (ranges.length === 0) {
      return null;
    }
    const anyPrice = choice("price-any", "Any price", null, {
      type: "radio",
      name: "price",
      checked: min === null && max === null,
      on: { change: () => this.#onChange({ min: null, max: null }) },
    });
    const rows = ranges.map(({ from, to, count }) => {
      const isChosen = (min ?? 0) === (from ?? 0) && max === to && (min !== null || max !== null);
      const choose = () => this.#onChange({ min: from, max: to });
      const input = { type: "radio", name: "price", checked: isChosen, on: { change: choose } };
      return choice(`price-${from}-${to}`, rangeText(from, to), count, input);
    });
    return h("fieldset", { class: "facet" }, h("legend", null, "Price"), anyPrice, ...rows);
  }
}

/**
 * @param {string} id
 * @param {string} label
 * @param {number | null} count
 * @param {import("../../shared/dom.js").Props} input
 */
function choice(id, label, count, input) {
  return h(
    "label",
    { class: "choice", for: id },
    h("input", { id, ...input }),
    h("span", null, label),
    count !== null && h("span", { class: "count" }, count),
  );
}

/**
 * @param {number | null} from
 * @param {number | null} to
 */
function rangeText(from, to) {
  const text = (/** @type {number} */ amount) => price({ amount, currency: "EUR" }).replace(/\.00$/, "");
  if (to === null) {
    return `${text(from ?? 0)} and more`;
  }
  return from ? `${text(from)} to ${text(to + 1)}` : `Under ${text(to + 1)}`;
}
