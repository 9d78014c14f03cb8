/**
 * A search as its URL says it, and back.
 *
 * @typedef {{ q: string, brand: string[], type: string[], min: number | null, max: number | null, sort: string }} Search
 */

import { queryString } from "../shared/query-string.js";

const SORTS = ["relevance", "name", "price", "-price"];

/** @param {URLSearchParams} parameters @returns {Search} */
export function readSearch(parameters) {
  const sort = parameters.get("sort") ?? "";
  return {
    q: parameters.get("q")?.trim() ?? "",
    brand: parameters.getAll("brand"),
    type: parameters.getAll("type"),
    min: readAmount(parameters.get("min_price")),
    max: readAmount(parameters.get("max_price")),
    sort: SORTS.includes(sort) ? sort : "",
  };
}

/** The path of the search. @param {Search} search */
export function searchPath({ q, brand, type, min, max, sort }) {
  return `/search${queryString({ q, type, brand, min_price: min, max_price: max, sort })}`;
}

/**
 * The search as the BFF takes it. Without words there is no best match, and then the names are in order.
 *
 * @param {Search} search
 * @returns {import("./api.js").SearchQuery}
 */
export function searchQuery({ q, brand, type, min, max, sort }) {
  return {
    q,
    brand,
    type,
    min_price: min ?? undefined,
    max_price: max ?? undefined,
    sort: sortOf({ q, sort }),
  };
}

/** The order that is in force. @param {{ q: string, sort: string }} search */
export function sortOf({ q, sort }) {
  if (sort === "" || (sort === "relevance" && q === "")) {
    return q ? "relevance" : "name";
  }
  return sort;
}

/** @param {string | null} text */
function readAmount(text) {
  return text !== null && /^\d{1,9}$/.test(text) ? Number(text) : null;
}
