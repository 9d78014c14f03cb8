/** The checkout: address, delivery, coupon, payment, and an order of exactly what is shown. */

import { addressFields, addressIn, firstMissing } from "../../shared/address.js";
import { fill, h } from "../../shared/dom.js";
import { ApiError } from "../../shared/http.js";
import { clearForm, idempotencyKeys, storedForm, storeForm } from "../checkout-form.js";
import { cardChoices } from "../components/card-choices.js";
import { deliveryChoices, draftLines, draftSums, obstacleNotes } from "../components/checkout-draft.js";
import { CouponField } from "../components/coupon-field.js";
import { degradedNote } from "../components/degraded.js";
import { PickupField, pickupValue } from "../components/pickup-field.js";
import { refusalText } from "../components/problem.js";
import { bar, lineSkeletons } from "../components/skeletons.js";
import { country, price } from "../format.js";
import { loginUrl } from "../session.js";

/**
 * @typedef {import("../models.js").Draft} Draft
 * @typedef {import("../models.js").Money} Money
 * @typedef {{ value: string, method: string, store?: string, price: Money, total: Money }} Way how the order comes to its customer
 */

/** Obstacles that the customer may order with all the same: the order waits, or goes without them. */
const PASSABLE = new Set(["out-of-stock"]);

const NOT_SERVED = "country-not-served";

/**
 * @param {import("../app.js").App} app
 * @returns {import("../../shared/router.js").Open}
 */
export function checkoutPage(app) {
  return (visit) => {
    const page = new CheckoutPage(app, visit);
    return { element: page.element, ready: page.start() };
  };
}

class CheckoutPage {
  #app;
  #visit;
  #filled = storedForm();
  #keyOf = idempotencyKeys();
  /** @type {Draft | null} */
  #draft = null;
  #isPlacing = false;
  #request = new AbortController();
  #notes = h("div", { class: "checkout-notes" });
  #deliveries = h("div", { class: "options" }, ...lineSkeletons(2));
  #pickup = new PickupField(this.#filled.near, () => this.#change());
  #coupon = new CouponField(this.#filled.coupon, () => this.#change());
  #lines = h("ul", { class: "draft-lines" }, h("li", null, bar("80%")), h("li", null, bar("70%")));
  #sums = h("dl", { class: "sums" }, h("div", null, bar("100%")));
  #order = h("button", { class: "button primary order-button", form: "checkout-form", disabled: true }, "Order");
  #form = h("form", { id: "checkout-form", class: "checkout-form", novalidate: true });

  /**
   * @param {import("../app.js").App} app
   * @param {import("../../shared/router.js").Visit} visit
   */
  constructor(app, visit) {
    this.#app = app;
    this.#visit = visit;
    this.element = h("div", { class: "page checkout-page" }, h("h1", null, "Checkout"), this.#notes);
    visit.setTitle("Checkout");
    visit.signal.addEventListener("abort", () => this.#request.abort());
  }

  async start() {
    this.#compose();
    try {
      await this.#price();
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) {
        fill(this.element, h("h1", null, "Checkout"), loginNeeded());
      } else if (error instanceof ApiError && error.kind === NOT_SERVED) {
        this.#refused(error);
      } else {
        throw error;
      }
    }
  }

  #compose() {
    const { address, payment } = this.#filled;
    fill(
      this.#form,
      group("Where to", h("div", { class: "address" }, ...addressFields(address, () => this.#change()))),
      group("Delivery", this.#deliveries, this.#pickup.element),
      group(
        "Payment",
        h("div", { class: "options" }, ...cardChoices(payment)),
        h("p", { class: "hint" }, "A demonstration: choose a card, and none is charged."),
      ),
    );
    this.#form.addEventListener("submit", (event) => this.#submit(event));
    this.#form.addEventListener("input", () => this.#store());
    const side = h(
      "aside",
      { class: "checkout-side", "aria-label": "Your order" },
      h("h2", null, "Your order"),
      this.#lines,
      this.#coupon.element,
      this.#sums,
      this.#order,
    );
    this.element.append(h("div", { class: "checkout-main" }, this.#form, side));
  }

  #store() {
    const data = new FormData(this.#form);
    const text = (/** @type {string} */ name) => String(data.get(name) ?? "");
    this.#filled = {
      address: addressIn(this.#form),
      coupon: this.#coupon.code,
      method: text("method") || this.#filled.method,
      near: this.#pickup.near,
      payment: text("payment_token"),
    };
    storeForm(this.#filled);
  }

  /** The country or the coupon is another one: everything is priced anew. */
  async #change() {
    this.#store();
    try {
      await this.#price();
    } catch (error) {
      this.#refused(error);
    }
  }

  async #price() {
    this.#request.abort();
    const request = new AbortController();
    this.#request = request;
    const { address, coupon, near } = this.#filled;
    this.#order.disabled = true;
    const wanted = { country: address.country, ...(coupon ? { coupon } : {}), ...(near ? { near } : {}) };
    const { page, degraded } = await this.#app.api.checkoutDraft(wanted, { signal: request.signal });
    if (!request.signal.aborted) {
      this.#show(page);
      fill(this.#notes, degradedNote(degraded), ...obstacleNotes(page));
    }
  }

  /** @param {Draft} draft */
  #show(draft) {
    this.#draft = draft;
    this.#app.basket.see(draft.lines.reduce((sum, line) => sum + line.quantity, 0));
    const chosen = (this.#delivery() ?? waysOf(draft)[0])?.value ?? "";
    fill(this.#lines, ...draftLines(draft.lines));
    fill(this.#deliveries, ...deliveryChoices(draft.deliveries, chosen, () => this.#showSums()));
    this.#pickup.show(draft.pickup, chosen, () => this.#showSums());
    this.#coupon.show(draft.coupon, draft.obstacles);
    this.#showSums();
  }

  #showSums() {
    this.#store();
    const draft = this.#draft;
    const delivery = this.#delivery();
    const isBlocked = !draft || !delivery || draft.obstacles.some((obstacle) => !PASSABLE.has(obstacle));
    this.#order.disabled = isBlocked || this.#isPlacing;
    this.#order.textContent = delivery ? `Order for ${price(delivery.total)}` : "Order";
    fill(this.#sums, draft && draftSums(draft, delivery));
  }

  #delivery() {
    return (this.#draft && waysOf(this.#draft).find(({ value }) => value === this.#filled.method)) ?? null;
  }

  /** @param {SubmitEvent} event */
  async #submit(event) {
    event.preventDefault();
    const missing = firstMissing(this.#form);
    const delivery = this.#delivery();
    if (missing || !this.#draft || !delivery || this.#isPlacing) {
      missing?.focus();
      return;
    }
    this.#store();
    const { address, coupon, payment } = this.#filled;
    const request = {
      basket_version: this.#draft.basketVersion,
      total: delivery.total,
      shipping: { method: delivery.method, address, ...(delivery.store ? { store: delivery.store } : {}) },
      payment_token: payment,
      ...(coupon ? { coupon } : {}),
    };
    this.#placing(true);
    try {
      const order = await this.#app.api.placeOrder(request, this.#keyOf(request));
      clearForm();
      this.#app.basket.clear();
      this.#app.router.navigate(`/orders/${encodeURIComponent(order.id)}`, order);
    } catch (error) {
      this.#placing(false);
      await this.#notPlaced(error, delivery.total);
    }
  }

  /**
   * What the customer has seen no longer holds: it is priced anew, and they decide again.
   *
   * @param {unknown} error
   * @param {Money} seen
   */
  async #notPlaced(error, seen) {
    if (!(error instanceof ApiError) || error.status !== 409) {
      this.#refused(error);
      return;
    }
    await this.#change();
    const now = this.#delivery()?.total;
    const text =
      error.kind === "total-changed" && now
        ? `The total has changed: it is ${price(now)} now, and was ${price(seen)}. Nothing has been ordered. Order again if that is all right.`
        : "Your basket has changed in the meantime. Nothing has been ordered. Please look at it again.";
    this.#notes.prepend(h("p", { class: "notice is-warning", role: "alert" }, text));
    this.#notes.scrollIntoView({ block: "center" });
  }

  /** @param {unknown} error */
  #refused(error) {
    if (this.#visit.signal.aborted || (error instanceof DOMException && error.name === "AbortError")) {
      return;
    }
    if (error instanceof ApiError && error.kind === NOT_SERVED) {
      fill(
        this.#deliveries,
        h(
          "p",
          { class: "notice is-problem", role: "alert" },
          `We cannot deliver to ${country(this.#filled.address.country)}.`,
        ),
      );
      this.#draft = this.#draft && { ...this.#draft, deliveries: [] };
      if (!this.#draft) {
        fill(this.#lines);
      }
      this.#showSums();
    } else if (!(error instanceof ApiError) || error.status !== 401) {
      fill(
        this.#notes,
        h("p", { class: "notice is-problem", role: "alert" }, `Nothing has been ordered. ${refusalText(error)}`),
      );
      this.#showSums();
    }
  }

  /** @param {boolean} isPlacing */
  #placing(isPlacing) {
    this.#isPlacing = isPlacing;
    this.#showSums();
    if (isPlacing) {
      this.#order.textContent = "Placing your order …";
    }
  }
}

/** @param {Draft} draft @returns {Way[]} */
function waysOf({ deliveries, pickup }) {
  const options = pickup ? pickup.options : [];
  return [
    ...deliveries.map((delivery) => ({ ...delivery, value: delivery.method })),
    ...options.map((option) => ({
      value: pickupValue(option),
      method: "pickup",
      store: option.store,
      price: { ...option.total, amount: 0 },
      total: option.total,
    })),
  ];
}

/**
 * @param {string} title
 * @param {...HTMLElement} content
 */
function group(title, ...content) {
  return h("fieldset", { class: "checkout-group" }, h("legend", null, title), ...content);
}

function loginNeeded() {
  return h(
    "div",
    { class: "nothing" },
    h("p", { class: "lead" }, "Log in to order. What is in your basket comes along."),
    h(
      "p",
      { class: "actions" },
      h("a", { class: "button primary", href: loginUrl("/checkout") }, "Log in"),
      h("a", { class: "button", href: "/basket" }, "Back to the basket"),
    ),
  );
}
