/** One product: enough to decide on it, and the button that puts it into the basket. */

import { h } from "../../shared/dom.js";
import { backBar, badgesOf, pictureOf, priceOf, productPath, ratingOf } from "../components/parts.js";
import { icon, starIcon } from "../components/icons.js";
import { followButton } from "../components/news.js";
import { live } from "../live.js";

/**
 * @typedef {import("../models.js").Product} Product
 * @typedef {import("../main.js").Open} Open
 */

/** @type {Open} */
export const product = (shared, { params, signal, setTitle }) => {
  const { app } = shared;
  const sku = params.sku ?? "";
  const part = live(app, {
    name: `product ${sku}`,
    isPrivate: true,
    call: () => app.api.product(sku),
    draw: (found) => {
      setTitle(found.name);
      return draw(shared, found);
    },
    skeleton: skeleton(),
    signal,
    fallback: async () => {
      const card = (await app.store.products()).find((each) => each.sku === sku);
      return card ? { ...card, brand: "", brandId: "", following: null, description: "", review: null, related: [], degraded: ["details"] } : null;
    },
  });
  return { element: h("div", { class: "screen product" }, backBar("", "/m/search"), part.element), ready: part.ready };
};

/**
 * @param {import("../main.js").Shared} shared
 * @param {Product} product
 */
function draw(shared, product) {
  const isGone = product.badges.some((text) => /sold out/i.test(text));
  return [
    h("div", { class: "product-picture" }, pictureOf(product.image, { isFirst: true }), badgesOf(product.badges)),
    h(
      "div",
      { class: "product-text" },
      product.brand ? h("p", { class: "eyebrow" }, product.brand, " ", followButton(shared, product)) : null,
      h("h1", null, product.name),
      h("div", { class: "product-facts" }, priceOf(product.price, product.was), ratingOf(product.stars)),
      product.description ? h("p", { class: "product-description" }, product.description) : null,
      product.degraded.length ? h("p", { class: "hint" }, "Some of this page is missing right now.") : null,
      reviewOf(product),
    ),
    relatedOf(product),
    h(
      "div",
      { class: "action-bar" },
      h("div", { class: "action-price" }, priceOf(product.price, product.was)),
      h(
        "button",
        { type: "button", class: "button primary", disabled: isGone, on: { click: () => void add(shared, product) } },
        icon("bag"),
        isGone ? "Sold out" : "Add to basket",
      ),
    ),
  ];
}

/**
 * @param {import("../main.js").Shared} shared
 * @param {Product} product
 */
async function add({ app, notices }, product) {
  const { name, price, amount, image, sku } = product;
  const { entry, sent } = await app.act({ kind: "add", sku, quantity: 1, seen: { name, price, amount, image } });
  notices.toast(`${name} is in your basket.`, { label: "Basket", href: "/m/basket" });
  navigator.vibrate?.(10);
  await sent;
  const refusal = app.entries.find((each) => each.id === entry.id)?.refusal;
  if (refusal) {
    notices.toast(refusal.detail || refusal.title, { label: "Basket", href: "/m/basket" });
  }
}

/** @param {Product} product */
function reviewOf({ review }) {
  if (!review) {
    return null;
  }
  const stars = Array.from({ length: review.rating }, () => starIcon());
  return h(
    "figure",
    { class: "review" },
    h("p", { class: "review-stars", role: "img", "aria-label": `${review.rating} of 5 stars` }, ...stars),
    h("figcaption", { class: "review-title" }, review.title),
    h("p", { class: "muted" }, review.text),
  );
}

/** @param {Product} product */
function relatedOf({ related }) {
  if (related.length === 0) {
    return null;
  }
  const item = related.map((other) =>
    h(
      "li",
      { class: "companion" },
      h("a", { class: "card-link", href: productPath(other.sku) }, pictureOf(other.image), h("h3", { class: "card-name" }, other.name)),
      priceOf(other.price, null),
    ),
  );
  return h(
    "section",
    { class: "related", "aria-labelledby": "related" },
    h("h2", { id: "related", class: "section-title" }, "Goes with it"),
    h("ul", { class: "companions scroller" }, ...item),
  );
}

function skeleton() {
  return h(
    "div",
    { "aria-hidden": "true" },
    h("div", { class: "product-picture" }, h("div", { class: "skeleton skeleton-picture" })),
    h("div", { class: "product-text skeleton-text" }, h("div", { class: "skeleton skeleton-line" }), h("div", { class: "skeleton skeleton-line is-short" })),
  );
}
