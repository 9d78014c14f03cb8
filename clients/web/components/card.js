/** Products in a list. */

import { h } from "../../shared/dom.js";
import { pictureOf } from "./picture.js";
import { priceOf, ratingOf, scarcityOf } from "./price.js";

const SIZES = "(min-width: 75rem) 20rem, (min-width: 40rem) 30vw, 45vw";

/** The cards that have been shown: a product's screen begins with what its card says. @type {Map<string, import("../models.js").Card>} */
const shown = new Map();

/**
 * What a card has said about a product.
 *
 * @param {string} sku
 */
export function shownCard(sku) {
  return shown.get(sku) ?? null;
}

/**
 * A card: one link, whose target is the whole card.
 *
 * @param {import("../models.js").Card} card
 * @param {{ isFirst?: boolean }} [place]
 */
export function cardOf(card, { isFirst = false } = {}) {
  shown.set(card.sku, card);
  return h(
    "article",
    { class: "card" },
    pictureOf(card.picture, { sizes: SIZES, isFirst }),
    h("h3", { class: "card-name" }, h("a", { href: productPath(card.sku) }, card.name)),
    h("p", { class: "card-brand" }, card.brand),
    h("div", { class: "card-facts" }, priceOf(card.price, card.listPrice), ratingOf(card.stars)),
    scarcityOf(card.available),
  );
}

/**
 * @param {import("../models.js").Card[]} cards
 * @param {{ firsts?: number }} [place] how many are seen before anything is scrolled
 */
export function cardItems(cards, { firsts = 0 } = {}) {
  return cards.map((card, index) => h("li", null, cardOf(card, { isFirst: index < firsts })));
}

/** @param {string} sku */
export function productPath(sku) {
  return `/products/${encodeURIComponent(sku)}`;
}
