/** The basket: each change shows at once, and is undone when the server refuses it. */

import { fill, h } from "../../shared/dom.js";
import { productPath } from "../components/card.js";
import { degradedNote } from "../components/degraded.js";
import { pictureOf } from "../components/picture.js";
import { refusalText } from "../components/problem.js";
import { quantityOf } from "../components/quantity.js";
import { bar } from "../components/skeletons.js";
import { plural, price } from "../format.js";

/**
 * @typedef {import("../models.js").BasketLine} BasketLine
 * @typedef {{ element: HTMLElement, update: (line: BasketLine) => void, hasArticle: boolean }} Row
 */

/**
 * @param {import("../app.js").App} app
 * @returns {import("../../shared/router.js").Open}
 */
export function basketPage(app) {
  return (visit) => {
    const page = new BasketPage(app, visit);
    return { element: page.element, ready: page.load() };
  };
}

class BasketPage {
  #app;
  #visit;
  #content = h("div", { class: "basket-content", "aria-busy": "true" }, ...lineSkeletons());
  #note = h("div", { class: "note" });
  #heading = h("h1", null, "Your basket");
  /** The rows that are shown, by sku. @type {Map<string, Row>} */
  #rows = new Map();
  #list = h("ul", { class: "basket-lines" });
  #summary = h("aside", { class: "basket-summary", "aria-label": "Sum" });
  #waiting = h("div");

  /**
   * @param {import("../app.js").App} app
   * @param {import("../../shared/router.js").Visit} visit
   */
  constructor(app, visit) {
    this.#app = app;
    this.#visit = visit;
    this.element = h("div", { class: "page basket-page" }, this.#heading, this.#note, this.#content);
    visit.setTitle("Your basket");
  }

  async load() {
    const { basket } = this.#app;
    const { signal } = this.#visit;
    const { degraded } = await basket.load({ signal });
    if (signal.aborted) {
      return;
    }
    fill(this.#note, degradedNote(degraded));
    basket.addEventListener("change", () => this.#show(), { signal });
    this.#content.removeAttribute("aria-busy");
    this.#show();
  }

  #show() {
    const basket = this.#app.basket.current;
    if (!basket) {
      return;
    }
    if (basket.lines.length === 0 && basket.waiting.length === 0) {
      this.#rows.clear();
      fill(this.#list);
      fill(this.#content, emptyBasket());
      return;
    }
    if (!this.#content.contains(this.#list)) {
      fill(this.#content, h("div", null, this.#list, this.#waiting), this.#summary);
    }
    this.#showLines(basket.lines);
    fill(this.#waiting, waitingItems(basket.waiting));
    this.#showSummary(basket);
  }

  /** Rows stay where they are, so that the focus does. @param {BasketLine[]} lines */
  #showLines(lines) {
    const shown = lines.map((line) => {
      const known = this.#rows.get(line.sku);
      const row = known?.hasArticle === (line.article !== null) ? known : this.#row(line);
      row.update(line);
      this.#rows.set(line.sku, row);
      return row.element;
    });
    for (const sku of this.#rows.keys()) {
      if (!lines.some((line) => line.sku === sku)) {
        this.#rows.delete(sku);
      }
    }
    if (
      shown.length !== this.#list.children.length ||
      shown.some((element, index) => element !== this.#list.children[index])
    ) {
      fill(this.#list, ...shown);
    }
  }

  /** @param {import("../models.js").Basket} basket */
  #showSummary({ pieces, total, lines }) {
    const isIncomplete = lines.some((line) => line.total === null);
    fill(
      this.#summary,
      h(
        "p",
        { class: "sum" },
        h("span", null, plural(pieces, "piece")),
        h("strong", { class: "price" }, total ? price(total) : "–"),
      ),
      isIncomplete && h("p", { class: "hint" }, "Without the articles that are no longer sold."),
      h("p", { class: "hint" }, "Delivery is added at the checkout."),
      h("a", { class: "button primary", href: "/checkout" }, "To the checkout"),
    );
  }

  /** @param {BasketLine} line @returns {Row} */
  #row({ sku, quantity, article }) {
    const name = article?.name ?? sku;
    const stepper = quantityOf({
      name,
      quantity,
      id: `quantity-${sku}`,
      onChange: (next) => this.#set(sku, name, next),
    });
    const total = h("p", { class: "price line-total" });
    const notes = h("div", { class: "line-notes" });
    const remove = {
      type: "button",
      class: "link-button",
      "aria-label": `Remove ${name}`,
      on: { click: () => this.#remove(sku, name) },
    };
    const element = h(
      "li",
      { class: "basket-line" },
      h(
        "a",
        { class: "line-picture", href: productPath(sku), tabindex: "-1", "aria-hidden": "true" },
        pictureOf(article?.picture ?? null, { sizes: "8rem" }),
      ),
      h(
        "div",
        { class: "line-words" },
        h("h2", { class: "line-name" }, article ? h("a", { href: productPath(sku) }, name) : name),
        notes,
      ),
      h("div", { class: "line-actions" }, article && stepper.element, h("button", remove, "Remove")),
      total,
    );
    /** @param {BasketLine} line */
    const update = (line) => {
      stepper.limit(line.article?.available ?? null);
      stepper.show(line.quantity);
      total.textContent = line.total ? price(line.total) : "";
      fill(notes, ...lineNotes(line));
    };
    return { element, update, hasArticle: article !== null };
  }

  /**
   * @param {string} sku
   * @param {string} name
   * @param {number} quantity
   * @param {import("../models.js").Article | null} [article]
   */
  async #set(sku, name, quantity, article) {
    const { basket, notices } = this.#app;
    try {
      await basket.set(sku, quantity, article);
      const total = basket.current?.total;
      notices.announce(`${name}: ${plural(quantity, "piece")}.${total ? ` The sum is ${price(total)}.` : ""}`);
    } catch (error) {
      notices.show(`${name} stays as it was: ${refusalText(error)}`, { isError: true });
    }
  }

  /**
   * @param {string} sku
   * @param {string} name
   */
  async #remove(sku, name) {
    const { basket, notices } = this.#app;
    const line = basket.current?.lines.find((each) => each.sku === sku);
    const undo = () => this.#set(sku, name, line?.quantity ?? 1, line?.article);
    const removed = basket.set(sku, 0);
    this.#heading.focus({ preventScroll: true });
    try {
      await removed;
      notices.show(`${name} is no longer in the basket.`, { action: { text: "Undo", press: undo } });
    } catch (error) {
      notices.show(`${name} is still in the basket: ${refusalText(error)}`, { isError: true });
    }
  }
}

/** @param {BasketLine} line */
function lineNotes({ article, priceWhenAdded }) {
  if (!article) {
    return [h("p", { class: "line-note is-problem" }, "No longer sold. Remove it to check out.")];
  }
  const { available, price: now, listPrice } = article;
  const each = h(
    "p",
    { class: "muted small" },
    `${price(now)} each`,
    now.amount < listPrice.amount && h("span", null, ", usually ", h("s", null, price(listPrice))),
  );
  const change = priceWhenAdded && (listPrice.amount > priceWhenAdded.amount ? "dearer" : "cheaper");
  return [
    each,
    available === 0 && h("p", { class: "line-note is-problem" }, "Sold out right now."),
    available === null && h("p", { class: "line-note" }, "We cannot see the stock right now."),
    priceWhenAdded &&
      h("p", { class: "line-note" }, `It has become ${change}: it was ${price(priceWhenAdded)} when you put it in.`),
  ];
}

/** @param {import("../models.js").WaitingItem[]} waiting */
function waitingItems(waiting) {
  if (waiting.length === 0) {
    return null;
  }
  const items = waiting.map(({ sku, quantity }) =>
    h("li", null, `${quantity} × `, h("a", { href: productPath(sku) }, sku)),
  );
  return h(
    "section",
    { class: "waiting", "aria-labelledby": "waiting-title" },
    h("h2", { id: "waiting-title" }, "Waiting for room"),
    h(
      "p",
      { class: "muted" },
      "These came back from an order, and the basket is full. They come in as soon as you take something out.",
    ),
    h("ul", { class: "waiting-items" }, ...items),
  );
}

function emptyBasket() {
  return h(
    "div",
    { class: "nothing" },
    h("p", { class: "lead" }, "There is nothing in it yet."),
    h("p", { class: "actions" }, h("a", { class: "button primary", href: "/search" }, "Browse everything")),
  );
}

function lineSkeletons() {
  return [0, 1].map(() =>
    h(
      "div",
      { class: "basket-line", "aria-hidden": "true" },
      h("div", { class: "line-picture" }, h("div", { class: "picture skeleton" })),
      h("div", { class: "line-words" }, bar("50%")),
    ),
  );
}
