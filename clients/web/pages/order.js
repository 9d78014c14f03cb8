/** An order: its story as it goes on, what is in it, and a way out as long as there is one. */

import { fill, h } from "../../shared/dom.js";
import { ApiError } from "../../shared/http.js";
import { productPath } from "../components/card.js";
import { methodName, sum } from "../components/checkout-draft.js";
import { degradedNote } from "../components/degraded.js";
import { refusalText } from "../components/problem.js";
import { lineSkeletons } from "../components/skeletons.js";
import { isUndone, latestText, leadText, outcomeText, storyOf } from "../components/story.js";
import { clock, country, day, price } from "../format.js";
import { follow, hasEnded, haveReturned } from "../order-progress.js";

/** @typedef {import("../models.js").Order} Order */

/**
 * @param {import("../app.js").App} app
 * @returns {import("../../shared/router.js").Open}
 */
export function orderPage(app) {
  return (visit) => {
    const page = new OrderPage(app, visit);
    return { element: page.element, ready: page.start() };
  };
}

class OrderPage {
  #app;
  #visit;
  #heading = h("h1", null, "Your order");
  #state = h("span", null);
  #returned = h("span", { role: "status" });
  #note = h("div", { class: "note" });
  #story = h("div", null, ...lineSkeletons(5));
  #actions = h("p", { class: "actions" });
  #content = h("div", { class: "order-content" }, ...lineSkeletons(4));
  #latest = "";
  #isNew = false;
  #wasOpen = false;
  #looksForArticles = false;

  /**
   * @param {import("../app.js").App} app
   * @param {import("../../shared/router.js").Visit} visit
   */
  constructor(app, visit) {
    this.#app = app;
    this.#visit = visit;
    const back = h(
      "nav",
      { class: "crumbs", "aria-label": "You are here" },
      h("ol", { class: "crumb-list" }, h("li", null, h("a", { href: "/orders" }, "Your orders"))),
    );
    const story = h(
      "section",
      { class: "order-story", "aria-labelledby": "story-title" },
      h("h2", { id: "story-title" }, "Its story"),
      this.#story,
      this.#actions,
    );
    this.element = h(
      "div",
      { class: "page order-page" },
      back,
      this.#heading,
      h("p", { class: "lead" }, this.#state, " ", this.#returned),
      this.#note,
      h("div", { class: "order-main" }, story, this.#content),
    );
    visit.setTitle("Your order");
  }

  async start() {
    const placed = /** @type {Order | null} */ (this.#visit.given);
    if (placed) {
      this.#isNew = true;
      this.#show(placed);
      this.#follow(placed);
      return;
    }
    const { page, degraded } = await this.#app.api.order(this.#visit.params.id ?? "", { signal: this.#visit.signal });
    fill(this.#note, degradedNote(degraded));
    this.#show(page);
    if (!degraded.tracking) {
      this.#follow(page);
    }
  }

  /** @param {Order} order */
  async #follow(order) {
    const { signal } = this.#visit;
    try {
      await follow(this.#app.api, order, { signal, onChange: (next) => this.#show(next) });
    } catch (error) {
      const isOver = signal.aborted || (error instanceof ApiError && error.status === 401);
      if (!isOver) {
        this.#app.notices.show(`The order goes on, but this page no longer follows it. ${refusalText(error)}`, {
          isError: true,
        });
      }
    }
  }

  /** @param {Order} order */
  #show(order) {
    const title = this.#isNew ? outcomeText(order) : `Order of ${day(order.placedAt)}`;
    this.#heading.textContent = title;
    this.#visit.setTitle(title);
    this.#wasOpen ||= !hasEnded(order);
    const latest = latestText(order);
    this.#state.textContent = leadText(order);
    fill(this.#story, storyOf(order));
    if (this.#latest && latest !== this.#latest) {
      this.#app.notices.announce(latest);
    }
    this.#latest = latest;
    fill(this.#content, ...contentOf(order));
    this.#showActions(order);
  }

  /** @param {Order} order */
  #showActions(order) {
    const canCancel = order.status === "pending" && order.reason === null;
    const isBack = order.status === "cancelled" && order.reason !== "cancelled-by-customer";
    if (canCancel && !this.#actions.querySelector("button")) {
      fill(
        this.#actions,
        h(
          "button",
          { type: "button", class: "button", on: { click: () => this.#cancel(order.id) } },
          "Cancel the order",
        ),
      );
    } else if (!canCancel) {
      fill(this.#actions, isBack && h("a", { class: "button primary", href: "/basket" }, "To the basket"));
    }
    if (isBack && !this.#looksForArticles) {
      this.#looksForArticles = true;
      this.#lookForArticles(order);
    }
  }

  /** That the articles are in the basket again is said once they have been seen there. @param {Order} order */
  async #lookForArticles(order) {
    const { basket } = this.#app;
    const { signal } = this.#visit;
    basket.forget();
    try {
      if (await haveReturned(basket, order, { signal, wasOpen: this.#wasOpen })) {
        this.#returned.textContent = "The articles are in your basket again.";
      }
    } catch (error) {
      if (!signal.aborted && !(error instanceof ApiError)) {
        throw error;
      }
      // nothing is said of a basket that could not be read: its own page will tell
    }
  }

  /** @param {string} id */
  async #cancel(id) {
    const { api, notices } = this.#app;
    try {
      this.#show(await api.cancelOrder(id));
      notices.announce("The order is being cancelled.");
    } catch (error) {
      const isLate = error instanceof ApiError && error.kind === "order-confirmed";
      notices.show(isLate ? "The order is confirmed, and can no longer be cancelled." : refusalText(error), {
        isError: true,
      });
    }
  }
}

/** @param {Order} order */
function contentOf(order) {
  const { id, lines, subtotal, discount, total, shipping, coupon } = order;
  const rows = lines.map(({ sku, name, quantity, percentOff, total: each }) =>
    h(
      "li",
      { class: "order-line" },
      h(
        "p",
        null,
        `${quantity} × `,
        h("a", { href: productPath(sku) }, name),
        percentOff > 0 && h("span", { class: "muted small" }, ` ${percentOff} % off`),
      ),
      h("p", { class: "price" }, price(each)),
    ),
  );
  return [
    h(
      "section",
      { "aria-labelledby": "lines-title" },
      h("h2", { id: "lines-title" }, "What is in it"),
      h("ul", { class: "order-lines" }, ...rows),
      h(
        "dl",
        { class: "sums" },
        sum("Goods", price(subtotal)),
        discount.amount > 0 && sum(coupon ? `Taken off, with ${coupon}` : "Taken off", `−${price(discount)}`),
        shipping && sum("Delivery", price(shipping.price)),
        sum("Total", price(total), "is-total"),
      ),
    ),
    shipping && !isUndone(order) && deliveryOf(shipping),
    h("p", { class: "hint" }, "Number ", h("span", { class: "number" }, id)),
  ];
}

/** @param {import("../models.js").Shipping} shipping */
function deliveryOf({ method, address, trackingCode, pickup }) {
  if (pickup) {
    return h(
      "section",
      { "aria-labelledby": "delivery-title" },
      h("h2", { id: "delivery-title" }, "Where you pick it up"),
      h(
        "address",
        { class: "address-lines" },
        pickup.name,
        h("br"),
        pickup.street,
        h("br"),
        `${pickup.postal_code} ${pickup.city}`,
      ),
      h("p", { class: "muted small" }, `From ${clock(pickup.readyAt)} on ${day(pickup.readyAt.slice(0, 10))}`),
    );
  }
  return h(
    "section",
    { "aria-labelledby": "delivery-title" },
    h("h2", { id: "delivery-title" }, "Where it goes"),
    h(
      "address",
      { class: "address-lines" },
      address.name,
      h("br"),
      address.street,
      h("br"),
      `${address.postal_code} ${address.city}`,
      h("br"),
      country(address.country),
    ),
    h("p", { class: "muted small" }, methodName(method), trackingCode && `, parcel ${trackingCode}`),
  );
}
