/** Small parts that several screens show: bars, pictures, prices, ratings, cards. */

import { h } from "../../shared/dom.js";
import { icon, starIcon } from "./icons.js";

/**
 * @typedef {import("../models.js").Card} Card
 * @typedef {import("../../shared/dom.js").Child} Child
 */

/**
 * The bar at the top of a screen that lies below another one.
 *
 * @param {string} title the screen's heading; empty when that is further down
 * @param {string} href where it leads back to when nothing is before it
 */
export function backBar(title, href) {
  const back = (/** @type {Event} */ event) => {
    if (history.state?.isInner) {
      event.preventDefault();
      event.stopPropagation();
      history.back();
    }
  };
  return h(
    "header",
    { class: "bar" },
    h("a", { class: "bar-back", href, "aria-label": "Back", on: { click: back } }, icon("back")),
    title ? h("h1", { class: "bar-title" }, title) : null,
  );
}

/**
 * A square picture, with its size known before it is there. It only repeats the text beside it, unless `alt` says more.
 *
 * @param {string | null} url
 * @param {{ isFirst?: boolean, alt?: string }} [place] `isFirst`: seen before anything is scrolled
 */
export function pictureOf(url, { isFirst = false, alt = "" } = {}) {
  if (!url) {
    return h("div", { class: "picture no-picture" });
  }
  return h("img", {
    class: "picture",
    src: url,
    alt,
    width: 400,
    height: 400,
    loading: isFirst ? "eager" : "lazy",
    fetchpriority: isFirst ? "high" : undefined,
    decoding: "async",
  });
}

/**
 * @param {string} price
 * @param {string | null} was
 */
export function priceOf(price, was) {
  if (!was) {
    return h("p", { class: "price" }, price);
  }
  return h(
    "p",
    { class: "price" },
    h("span", { class: "price-now" }, hidden("Now "), price),
    " ",
    h("s", { class: "price-was" }, hidden("before "), was),
  );
}

/** @param {import("../models.js").Stars | null} stars */
export function ratingOf(stars) {
  if (!stars) {
    return null;
  }
  const label = `${stars.average} of 5 stars, ${stars.count} ${stars.count === 1 ? "rating" : "ratings"}`;
  return h(
    "p",
    { class: "rating" },
    starIcon(),
    hidden(label),
    h("span", { "aria-hidden": "true" }, `${stars.average.toFixed(1)} (${stars.count})`),
  );
}

/** @param {string[]} badges */
export function badgesOf(badges) {
  return badges.length ? h("ul", { class: "badges" }, ...badges.map((text) => h("li", { class: "badge" }, text))) : null;
}

/**
 * A product in a grid.
 *
 * @param {Card} card
 * @param {{ isFirst?: boolean }} [place]
 */
export function cardOf(card, { isFirst = false } = {}) {
  return h(
    "li",
    { class: "card" },
    h(
      "a",
      { class: "card-link", href: productPath(card.sku) },
      h("div", { class: "card-picture" }, pictureOf(card.image, { isFirst }), badgesOf(card.badges)),
      h("h3", { class: "card-name" }, card.name),
    ),
    priceOf(card.price, card.was),
    ratingOf(card.stars),
  );
}

/**
 * @param {Card[]} cards
 * @param {number} eager how many of them are seen before anything is scrolled
 */
export function gridOf(cards, eager = 0) {
  return h("ul", { class: "grid" }, ...cards.map((card, index) => cardOf(card, { isFirst: index < eager })));
}

/** @param {string} text */
export function hidden(text) {
  return h("span", { class: "visually-hidden" }, text);
}

/** @param {string} sku */
export function productPath(sku) {
  return `/m/products/${encodeURIComponent(sku)}`;
}

/**
 * What a screen says when it has nothing to show.
 *
 * @param {string} title
 * @param {string} text
 * @param {...Child} actions
 */
export function emptyState(title, text, ...actions) {
  return h(
    "section",
    { class: "empty" },
    h("h2", null, title),
    h("p", { class: "muted" }, text),
    h("p", { class: "actions" }, ...actions),
  );
}

/** A skeleton of a grid, as high as the grid. @param {number} count */
export function gridSkeleton(count) {
  const card = () =>
    h(
      "li",
      { class: "card" },
      h("div", { class: "skeleton skeleton-picture" }),
      h("div", { class: "skeleton skeleton-line" }),
      h("div", { class: "skeleton skeleton-line is-short" }),
    );
  return h("ul", { class: "grid", "aria-hidden": "true" }, ...Array.from({ length: count }, card));
}

/** @param {number} count @param {string} height */
export function rowsSkeleton(count, height) {
  const row = () => {
    const element = h("div", { class: "skeleton" });
    element.style.blockSize = height;
    return element;
  };
  return h("div", { class: "rows", "aria-hidden": "true" }, ...Array.from({ length: count }, row));
}
