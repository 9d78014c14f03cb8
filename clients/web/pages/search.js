/** Search: results while somebody types, facets, order, and more of them. */

import { fill, find, h } from "../../shared/dom.js";
import { cardItems } from "../components/card.js";
import { degradedNote } from "../components/degraded.js";
import { Facets } from "../components/facets.js";
import { narrowedItems, nothingFound } from "../components/narrowed.js";
import { refusalText } from "../components/problem.js";
import { cardSkeletons } from "../components/skeletons.js";
import { plural } from "../format.js";
import { readSearch, searchPath, searchQuery, sortOf } from "../query.js";

/** Milliseconds of silence after which what was typed is searched. */
const TYPING = 180;
const PAGE_SIZE = 24;

/** @type {[string, string][]} */
const SORTS = [
  ["relevance", "Best match"],
  ["name", "Name"],
  ["price", "Price, lowest first"],
  ["-price", "Price, highest first"],
];

/**
 * @typedef {import("../query.js").Search} Search
 * @typedef {import("../models.js").Results} Results
 */

/**
 * @param {import("../app.js").App} app
 * @returns {import("../../shared/router.js").Open}
 */
export function searchPage(app) {
  return (visit) => {
    const page = new SearchPage(app, visit);
    const restored = /** @type {Results | null} */ (visit.restored);
    return { element: page.element, ready: page.start(restored), snapshot: () => page.results };
  };
}

class SearchPage {
  #app;
  #visit;
  /** @type {Search} */
  #search;
  #input = find("#search-input", HTMLInputElement);
  #heading = h("h1", null);
  #total = h("p", { class: "result-count" });
  #note = h("div", { class: "note" });
  #narrowed = h("ul", { class: "narrowed", "aria-label": "Narrowed down by" });
  #cards = h("ul", { class: "cards" }, ...cardSkeletons(12));
  #more = h("div", { class: "more" });
  #sort = h("select", { id: "sort", class: "input", on: { change: () => this.#narrow({ sort: this.#sort.value }) } });
  #facets = new Facets((change) => this.#narrow(change));
  #request = new AbortController();
  /** What is shown. @type {Results | null} */
  results = null;

  /**
   * @param {import("../app.js").App} app
   * @param {import("../../shared/router.js").Visit} visit
   */
  constructor(app, visit) {
    this.#app = app;
    this.#visit = visit;
    this.#search = readSearch(visit.query);
    this.element = h(
      "div",
      { class: "page search-page" },
      h(
        "div",
        { class: "search-head" },
        this.#heading,
        this.#total,
        h("div", { class: "sort field" }, h("label", { for: "sort" }, "Order"), this.#sort),
      ),
      this.#note,
      h("div", { class: "search-side" }, this.#facets.element),
      h(
        "section",
        { class: "search-results", "aria-labelledby": "results-title", "aria-busy": "true" },
        h("h2", { id: "results-title", class: "visually-hidden" }, "Results"),
        this.#narrowed,
        this.#cards,
        this.#more,
      ),
    );
  }

  /** @param {Results | null} restored */
  async start(restored) {
    const { signal } = this.#visit;
    this.#input.value = this.#search.q;
    this.#input.addEventListener("input", () => this.#type(), { signal });
    signal.addEventListener("abort", () => {
      this.#request.abort();
      this.#input.value = "";
    });
    this.#name();
    if (restored) {
      this.#show(restored, {});
    } else {
      await this.#load();
    }
  }

  #type() {
    this.#request.abort(); // what it would answer is no longer asked
    const request = new AbortController();
    this.#request = request;
    const wait = setTimeout(() => this.#narrow({ q: this.#input.value.trim() }), TYPING);
    request.signal.addEventListener("abort", () => clearTimeout(wait));
  }

  /** The button that is pressed goes: the focus goes to the heading. @param {Partial<Search>} change */
  #drop(change) {
    this.#heading.focus({ preventScroll: true });
    this.#narrow(change);
  }

  /** Searches anew, on the same entry of the history. @param {Partial<Search>} change */
  async #narrow(change) {
    this.#search = { ...this.#search, ...change };
    this.#app.router.replace(searchPath(this.#search));
    this.#name();
    try {
      await this.#load();
      this.#app.notices.announce(this.#totalText());
    } catch (error) {
      if (!this.#request.signal.aborted && !this.#visit.signal.aborted) {
        this.#busy(false);
        this.#app.notices.show(refusalText(error), { isError: true });
      }
    }
  }

  async #load() {
    this.#request.abort();
    const request = new AbortController();
    this.#request = request;
    this.#busy(true);
    const { page, degraded } = await this.#app.api.search(searchQuery(this.#search), { signal: request.signal });
    if (!request.signal.aborted) {
      this.#show(page, degraded);
    }
  }

  /**
   * @param {Results} results
   * @param {import("../../shared/http.js").Degraded} degraded
   */
  #show(results, degraded) {
    this.results = results;
    this.#name();
    fill(this.#total, this.#totalText());
    fill(this.#note, degradedNote(degraded));
    this.#facets.show(results.facets, this.#search);
    fill(this.#narrowed, ...narrowedItems(this.#search, results.facets, (change) => this.#drop(change)));
    fill(this.#cards, ...cardItems(results.items, { firsts: 4 }));
    this.#showMore();
    this.#busy(false);
  }

  #showMore() {
    const { items = [], total = 0, next = null } = this.results ?? {};
    if (total === 0) {
      fill(this.#more, nothingFound(this.#search));
    } else if (next === null) {
      fill(this.#more, items.length > PAGE_SIZE && h("p", { class: "muted" }, `These are all ${total}.`));
    } else {
      const load = () => this.#append(next);
      const button = h("button", { type: "button", class: "button", on: { click: load } }, "Show more");
      fill(this.#more, h("p", { class: "muted" }, `${items.length} of ${total}`), button);
    }
  }

  /** @param {string} cursor */
  async #append(cursor) {
    const { signal } = this.#request;
    const query = { ...searchQuery(this.#search), cursor };
    try {
      const { page } = await this.#app.api.search(query, { signal });
      if (!signal.aborted && this.results) {
        this.results = { ...this.results, items: [...this.results.items, ...page.items], next: page.next };
        const added = cardItems(page.items);
        this.#cards.append(...added);
        added[0]?.querySelector("a")?.focus();
        this.#showMore();
        this.#app.notices.announce(`${plural(page.items.length, "more article")}`);
      }
    } catch (error) {
      if (!signal.aborted) {
        this.#app.notices.show(refusalText(error), { isError: true });
      }
    }
  }

  #name() {
    const { q, type } = this.#search;
    const [only] = type;
    const known = type.length === 1 ? this.results?.facets.types.find(({ id }) => id === only)?.name : null;
    const title = q
      ? `“${q}”`
      : (known ?? (type.length === 1 && only ? only.charAt(0).toUpperCase() + only.slice(1) : "Everything"));
    this.#heading.textContent = title;
    this.#heading.tabIndex = -1;
    this.#visit.setTitle(q ? `${q}: search` : title);
    const sort = sortOf(this.#search);
    const offered = SORTS.filter(([value]) => q || value !== "relevance");
    fill(this.#sort, ...offered.map(([value, label]) => h("option", { value, selected: value === sort }, label)));
  }

  #totalText() {
    const total = this.results?.total ?? 0;
    return total === 0 ? "Nothing found" : plural(total, "article");
  }

  /** @param {boolean} isBusy */
  #busy(isBusy) {
    this.#cards.parentElement?.setAttribute("aria-busy", String(isBusy));
  }
}
