/**
 * The catalogue on this phone: filled and kept current page by page, searched while there is no network.
 *
 * @typedef {import("./models.js").Card} Card
 * @typedef {Pick<import("./store.js").Store, "applyChanges" | "products" | "value">} CatalogueStore
 */

import { ApiError } from "../shared/http.js";

/**
 * Brings the catalogue up to date; what was applied before a failure stays, with its cursor.
 *
 * @param {CatalogueStore} store
 * @param {Pick<import("./api.js").MobileApi, "sync">} api
 */
export async function syncCatalogue(store, api) {
  /** @type {string | null} */
  let cursor = (await store.value("cursor")) ?? null;
  let isFirst = cursor === null;
  for (;;) {
    let page;
    try {
      page = await api.sync(cursor);
    } catch (error) {
      if (error instanceof ApiError && error.status === 410 && cursor !== null) {
        cursor = null; // the shop no longer knows what has changed since: all of it anew
        isFirst = true;
        continue;
      }
      throw error;
    }
    await store.applyChanges(page, isFirst);
    cursor = page.cursor;
    isFirst = false;
    if (!page.more) {
      return;
    }
  }
}

/**
 * The products of the phone's catalogue with all these words in their name, best first.
 *
 * @param {Card[]} products
 * @param {string} query
 */
export function searchCatalogue(products, query) {
  const words = plain(query).split(/\s+/).filter(Boolean);
  /** @param {Card} card */
  const rank = (card) => (plain(card.name).startsWith(words[0] ?? "") ? 0 : 1);
  return products
    .filter((card) => words.every((word) => plain(card.name).includes(word)))
    .sort((one, other) => rank(one) - rank(other) || one.name.localeCompare(other.name));
}

/** @param {string} text */
const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
