/** Search: results as one types, by department, further ones as one scrolls; without a network, the phone's catalogue. */

import { ApiError } from "../../shared/http.js";
import { fill, h } from "../../shared/dom.js";
import { cardOf, emptyState, gridSkeleton, hidden } from "../components/parts.js";
import { icon } from "../components/icons.js";
import { live } from "../live.js";
import { searchCatalogue } from "../sync.js";

const DELAY = 250; // milliseconds after the last letter

/**
 * @typedef {import("../models.js").Results} Results
 * @typedef {import("../main.js").Open} Open
 */

/** @type {Open} */
export const search = (shared, { query, signal, setTitle }) => {
  const { app } = shared;
  let q = query.get("q") ?? "";
  let type = query.get("type") ?? "";
  let inner = new AbortController();
  signal.addEventListener("abort", () => inner.abort());
  const results = h("div", { class: "results" });
  const count = h("p", { class: "muted small result-count", role: "status" });
  const chips = h("ul", { class: "chips" });
  const input = h("input", {
    class: "input search-input",
    type: "search",
    name: "q",
    value: q,
    placeholder: "Pens, papers, presses …",
    autocomplete: "off",
    enterkeyhint: "search",
    "aria-label": "Search the shop",
    on: { input: () => later() },
  });
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(() => choose(input.value.trim(), type), DELAY);
  };
  signal.addEventListener("abort", () => clearTimeout(timer));

  /**
   * @param {string} nextQuery
   * @param {string} nextType
   */
  function choose(nextQuery, nextType) {
    if (nextQuery === q && nextType === type) {
      return;
    }
    [q, type] = [nextQuery, nextType];
    const parameters = new URLSearchParams({ ...(q && { q }), ...(type && { type }) });
    shared.router.replace(`/m/search${parameters.size ? `?${parameters}` : ""}`);
    load().catch((error) => fill(results, shared.problem(error, () => shared.router.reload())));
  }

  function load() {
    inner.abort();
    inner = new AbortController();
    const wanted = { q, type };
    const part = live(app, {
      name: `search ${q} ${type}`,
      call: () => app.api.search({ ...wanted, facets: true }),
      draw: (found) => draw(found, wanted, inner.signal),
      skeleton: gridSkeleton(6),
      signal: inner.signal,
      fallback: async () => {
        const tiles = searchCatalogue(await app.store.products(), q);
        return type ? null : { total: tiles.length, tiles, next: null, types: [] };
      },
    });
    fill(results, part.element);
    return part.ready;
  }

  /**
   * @param {Results} found
   * @param {{ q: string, type: string }} wanted
   * @param {AbortSignal} isOver
   */
  function draw(found, wanted, isOver) {
    fill(count, found.total === 1 ? "1 product" : `${found.total} products`);
    if (found.types.length > 0 || !wanted.type) {
      fill(chips, ...departments(found.types));
    }
    if (found.tiles.length === 0) {
      return [emptyState("Nothing like that here", "Try another word, or look through the departments.")];
    }
    const grid = h("ul", { class: "grid" }, ...found.tiles.map((card, index) => cardOf(card, { isFirst: index < 4 })));
    return [h("h2", { class: "visually-hidden" }, "Results"), grid, found.next ? furtherOf(grid, found.next, wanted, isOver) : null];
  }

  /** @param {Results["types"]} types */
  function departments(types) {
    return types.map((each) => {
      const isChosen = each.id === type;
      const press = () => choose(q, isChosen ? "" : each.id);
      const text = [each.name, hidden(`, ${each.count} products`)];
      return h("li", null, h("button", { type: "button", class: "chip", "aria-pressed": String(isChosen), on: { click: press } }, ...text));
    });
  }

  /**
   * The way to further results, which come when it is seen.
   *
   * @param {HTMLElement} grid
   * @param {string} cursor
   * @param {{ q: string, type: string }} wanted
   * @param {AbortSignal} isOver
   */
  function furtherOf(grid, cursor, wanted, isOver) {
    /** @type {string | null} */
    let next = cursor;
    let isLoading = false;
    const load = async () => {
      if (isLoading || next === null || isOver.aborted) {
        return;
      }
      isLoading = true;
      try {
        const further = await app.api.search({ ...wanted, cursor: next });
        grid.append(...further.tiles.map((card) => cardOf(card)));
        next = further.next;
        button.hidden = next === null;
      } catch (error) {
        if (!(error instanceof ApiError)) {
          throw error;
        }
        shared.notices.toast("The next products did not arrive.", { label: "Try again", run: () => void load() });
      } finally {
        isLoading = false;
      }
    };
    const button = h("button", { type: "button", class: "button wide further", on: { click: () => void load() } }, "Show more");
    const seen = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && void load(), {
      rootMargin: "600px",
    });
    addEventListener("scroll", () => seen.observe(button), { once: true, passive: true, signal: isOver }); // not before
    isOver.addEventListener("abort", () => seen.disconnect());
    return button;
  }

  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    input.blur();
    choose(input.value.trim(), type);
  };
  const element = h(
    "div",
    { class: "screen search" },
    h(
      "header",
      { class: "search-head" },
      h("h1", { class: "visually-hidden" }, "Search"),
      h("form", { role: "search", class: "search-form", on: { submit } }, icon("search"), input),
      h("div", { class: "scroller" }, chips),
    ),
    count,
    results,
  );
  setTitle("Search");
  return { element, ready: load() };
};
