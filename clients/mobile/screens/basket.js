/** The basket: what the shop has of it, and what still waits to be sent. */

import { fill, h } from "../../shared/dom.js";
import { badgesOf, emptyState, pictureOf, productPath, rowsSkeleton } from "../components/parts.js";
import { icon } from "../components/icons.js";
import { stepper } from "../components/stepper.js";
import { troubles } from "../components/troubles.js";
import { live } from "../live.js";

/**
 * @typedef {import("../basket.js").Line} Line
 * @typedef {import("../main.js").Open} Open
 * @typedef {import("../main.js").Shared} Shared
 */

/** @type {Open} */
export const basket = (shared, { signal, setTitle }) => {
  const { app } = shared;
  const content = contentOf(shared, signal);
  const element = h("div", { class: "screen basket" }, h("header", { class: "bar" }, h("h1", null, "Basket")));
  setTitle("Basket");
  if (app.isGuest) {
    element.append(content);
    return { element };
  }
  const part = live(app, {
    name: "basket",
    isPrivate: true,
    call: async () => (await app.flush())?.basket ?? app.api.basket(),
    draw: (model) => {
      void app.setBasket(model);
      return [content];
    },
    skeleton: rowsSkeleton(3, "7.5rem"),
    signal,
  });
  element.append(part.element);
  return { element, ready: part.ready };
};

/**
 * Everything below the heading; it follows what happens to the basket.
 *
 * @param {Shared} shared
 * @param {AbortSignal} signal
 */
function contentOf(shared, signal) {
  const { app } = shared;
  /** @type {Map<string, ReturnType<typeof lineOf>>} */
  const lines = new Map();
  const list = h("ul", { class: "lines" });
  const summary = h("div", { class: "action-bar" });
  const notes = h("div", { class: "rows" });
  const content = h("div", { class: "basket-content" });

  function update() {
    const { lines: present, total, isEstimate } = app.basket;
    fill(notes, ...troubles(shared));
    for (const [sku, line] of lines) {
      if (!present.some((each) => each.sku === sku)) {
        line.element.remove();
        lines.delete(sku);
      }
    }
    for (const each of present) {
      const line = lines.get(each.sku) ?? lineOf(shared, each);
      line.show(each);
      lines.set(each.sku, line);
      if (!line.element.isConnected) {
        list.append(line.element);
      }
    }
    fill(summary, ...summaryOf(app.isGuest, total, isEstimate));
    const isEmpty = present.length === 0;
    const empty = emptyState("Your basket is empty", "What you put in stays here, without a network too.", h("a", { class: "button primary", href: "/m/search" }, "Look around"));
    if (isEmpty || !list.isConnected) {
      fill(content, notes, ...(isEmpty ? [empty] : [list, summary]));
    }
  }
  app.addEventListener("basket", update, { signal });
  update();
  return content;
}

/**
 * @param {boolean} isGuest
 * @param {string | null} total
 * @param {boolean} isEstimate
 */
function summaryOf(isGuest, total, isEstimate) {
  const estimate = isGuest ? "On this phone until you log in" : "About, until the shop has worked it out";
  const label = isEstimate ? estimate : "Total without delivery";
  return [
    h("div", { class: "action-price" }, h("p", { class: "price total" }, total ?? "–"), h("p", { class: "hint" }, label)),
    h("a", { class: "button primary", href: "/m/checkout" }, isGuest ? "Log in and order" : "Check out"),
  ];
}

/**
 * A line of the basket, which `show` brings up to date.
 *
 * @param {Shared} shared
 * @param {Line} line
 */
function lineOf({ app }, line) {
  const { sku } = line;
  const name = line.name ?? sku;
  const seen = { name: line.name, price: line.price, amount: line.amount, image: line.image };
  const steps = stepper({
    name,
    quantity: line.quantity,
    onChange: (quantity) => void app.act({ kind: "set", sku, quantity, seen }),
  });
  const remove = () => void app.act({ kind: "remove", sku, seen });
  const total = h("p", { class: "price line-total" });
  const notes = h("div", { class: "line-notes" });
  const element = h(
    "li",
    { class: "line" },
    h("a", { class: "line-picture", href: productPath(sku), tabindex: -1, "aria-hidden": "true" }, pictureOf(line.image)),
    h("a", { class: "line-name", href: productPath(sku) }, name),
    notes,
    h(
      "div",
      { class: "line-controls" },
      steps.element,
      h("button", { type: "button", class: "icon-button", "aria-label": `Remove ${name}`, on: { click: remove } }, icon("trash")),
      total,
    ),
  );

  /** @param {Line} now */
  function show(now) {
    steps.show(now.quantity);
    fill(total, now.total ?? "");
    fill(notes, ...notesOf(now, app.isGuest));
  }
  return { element, show };
}

/**
 * @param {Line} line
 * @param {boolean} isGuest whose basket is on this phone alone
 */
function notesOf(line, isGuest) {
  return [
    line.price && line.quantity > 1 ? h("p", { class: "hint" }, `${line.price} each`) : null,
    line.name ? null : h("p", { class: "hint is-warning" }, "No longer sold: please remove it"),
    line.priceWhenAdded ? h("p", { class: "hint is-warning" }, `Was ${line.priceWhenAdded} each when you added it`) : null,
    badgesOf(line.badges),
    line.isWaiting && !isGuest ? h("p", { class: "hint waiting" }, "Not sent yet") : null,
  ];
}
