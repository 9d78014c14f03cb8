/** Prices, ratings and stock, as cards and pages show them. */

import { h, svg } from "../../shared/dom.js";
import { plural, price } from "../format.js";

const STAR = "M10 1.8l2.5 5.3 5.8.8-4.2 4.1 1 5.8L10 15l-5.1 2.8 1-5.8L1.7 7.9l5.8-.8z";
const FEW = 5;

/**
 * A price; when it is a lower one, with the usual price struck through.
 *
 * @param {import("../models.js").Money} now
 * @param {import("../models.js").Money} usual
 */
export function priceOf(now, usual) {
  if (now.amount >= usual.amount) {
    return h("p", { class: "price" }, price(now));
  }
  const hidden = (/** @type {string} */ text) => h("span", { class: "visually-hidden" }, text);
  return h(
    "p",
    { class: "price" },
    h("span", { class: "price-now" }, hidden("Now "), price(now)),
    " ",
    h("s", { class: "price-was" }, hidden("usually "), price(usual)),
  );
}

/**
 * Stars, filled as far as the average goes.
 *
 * @param {number} average
 * @param {string} label what they say to those who do not see them
 */
export function starsOf(average, label) {
  const filled = h("span", { class: "stars-filled" }, starRow());
  filled.style.inlineSize = `${(average / 5) * 100}%`;
  return h("span", { class: "stars", role: "img", "aria-label": label }, starRow(), filled);
}

/**
 * A rating in one line: nothing while it is not known, or as long as nobody has rated.
 *
 * @param {import("../models.js").Stars | null} stars
 */
export function ratingOf(stars) {
  if (!stars || stars.average === null) {
    return null;
  }
  const label = `${stars.average} of 5 stars, ${plural(stars.count, "review")}`;
  return h(
    "p",
    { class: "rating" },
    starsOf(stars.average, label),
    h("span", { "aria-hidden": "true" }, `(${stars.count})`),
  );
}

/**
 * What there is to say about the stock of a card: nothing while there is enough, or while it is not known.
 *
 * @param {number | null} available
 */
export function scarcityOf(available) {
  if (available === null || available > FEW) {
    return null;
  }
  return available === 0
    ? h("p", { class: "scarcity is-gone" }, "Sold out")
    : h("p", { class: "scarcity" }, `Only ${available} left`);
}

function starRow() {
  const stars = [0, 1, 2, 3, 4].map((index) => svg("path", { d: STAR, transform: `translate(${index * 20} 0)` }));
  return svg("svg", { viewBox: "0 0 100 20", width: 80, height: 16, "aria-hidden": "true" }, ...stars);
}
