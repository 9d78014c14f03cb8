/** What an order would be: its lines, deliveries and sums, and what stands in its way. */

import { h } from "../../shared/dom.js";
import { plural, price } from "../format.js";
import { pictureOf } from "./picture.js";

/** @typedef {import("../models.js").Draft} Draft */

/** @type {Record<string, string>} */
const METHODS = { standard: "Standard", express: "Express", pickup: "Pickup" };

/** @type {Record<string, string>} */
const OBSTACLES = {
  "basket-empty": "Your basket is empty: there is nothing to order.",
  "article-unknown": "Something in your basket is no longer sold. Remove it, and the rest can be ordered.",
  "currencies-mixed": "Your basket has prices in several currencies, which one order cannot have.",
};

/** @param {string} method */
export function methodName(method) {
  return METHODS[method] ?? method;
}

/** What stands in the way, except the coupon, of which the field itself speaks. @param {Draft} draft */
export function obstacleNotes({ obstacles, lines }) {
  const named = obstacles.filter((obstacle) => !obstacle.startsWith("coupon-"));
  return named.map((obstacle) => {
    const isBasket = obstacle === "basket-empty" || obstacle === "article-unknown" || obstacle === "out-of-stock";
    const text =
      obstacle === "out-of-stock"
        ? shortText(lines)
        : (OBSTACLES[obstacle] ?? `This cannot be ordered: ${obstacle}.`);
    return h(
      "p",
      { class: "notice is-warning", role: "alert" },
      text,
      isBasket && " ",
      isBasket && h("a", { href: "/basket" }, "To the basket"),
    );
  });
}

/** @param {import("../models.js").CheckoutLine[]} lines */
function shortText(lines) {
  const missing = lines
    .filter(({ short }) => short)
    .map(({ sku, name, quantity, available }) =>
      available ? `${name ?? sku}: only ${available} in stock, and you want ${quantity}.` : `${name ?? sku}: sold out.`,
    );
  return [...missing, "You can order, but the order will be cancelled unless more comes in."].join(" ");
}

/** @param {import("../models.js").CheckoutLine[]} lines */
export function draftLines(lines) {
  return lines.map(({ sku, name, picture, quantity, percentOff, total, short, available, priceWhenAdded }) =>
    h(
      "li",
      { class: "draft-line" },
      pictureOf(picture, { sizes: "4rem" }),
      h(
        "div",
        null,
        h("p", null, `${quantity} × ${name ?? sku}`),
        percentOff > 0 && h("p", { class: "small price-now" }, `${percentOff} % off`),
        short && h("p", { class: "small price-now" }, available === 0 ? "Sold out" : `Only ${available} in stock`),
        priceWhenAdded && h("p", { class: "small muted" }, `It was ${price(priceWhenAdded)} when you put it in.`),
      ),
      h("p", { class: "price" }, total ? price(total) : "–"),
    ),
  );
}

/**
 * @param {import("../models.js").Delivery[]} deliveries
 * @param {string} chosen
 * @param {() => void} onChange
 */
export function deliveryChoices(deliveries, chosen, onChange) {
  if (deliveries.length === 0) {
    return [h("p", { class: "muted" }, "There is nothing to deliver.")];
  }
  return deliveries.map(({ method, days, price: cost }) =>
    h(
      "label",
      { class: "option", for: `delivery-${method}` },
      h("input", {
        id: `delivery-${method}`,
        type: "radio",
        name: "method",
        value: method,
        checked: method === chosen,
        on: { change: onChange },
      }),
      h("span", null, methodName(method), h("span", { class: "muted small" }, ` ${plural(days, "working day")}`)),
      h("span", { class: "price" }, price(cost)),
    ),
  );
}

/**
 * Without a delivery there is no total.
 *
 * @param {Draft} draft
 * @param {{ price: import("../models.js").Money, total: import("../models.js").Money } | null} delivery
 */
export function draftSums({ subtotal, discount }, delivery) {
  return [
    subtotal && sum("Goods", price(subtotal)),
    discount && discount.amount > 0 && sum("Taken off", `−${price(discount)}`),
    delivery && sum("Delivery", price(delivery.price)),
    delivery && sum("Total", price(delivery.total), "is-total"),
  ];
}

/**
 * @param {string} label
 * @param {string} amount
 * @param {string} [kind]
 */
export function sum(label, amount, kind = "") {
  return h("div", { class: kind }, h("dt", null, label), h("dd", { class: "price" }, amount));
}
