/** The checkout: where to, how, with which card; and what it comes to, worked out by the shop. */

import { addressFields, addressIn, BLANK, firstMissing } from "../../shared/address.js";
import { fill, h } from "../../shared/dom.js";
import { ApiError } from "../../shared/http.js";
import { PlaceField } from "../../shared/place-field.js";
import { choices, PAYMENTS } from "../components/order-form.js";
import { backBar, badgesOf, emptyState, pictureOf, rowsSkeleton } from "../components/parts.js";
import { textOf } from "../components/troubles.js";
import { live } from "../live.js";

/**
 * @typedef {import("../models.js").Draft} Draft
 * @typedef {import("../models.js").Address} Address
 * @typedef {import("../models.js").Money} Money
 * @typedef {{
 *   value: string, label: string, hint: string, aside: string, total: string, amount: Money, method: string, store?: string,
 * }} Way how the order comes to its customer
 * @typedef {import("../outbox.js").Entry} Entry
 * @typedef {import("../main.js").Open} Open
 * @typedef {import("../main.js").Shared} Shared
 */

const OBSTACLES = /** @type {Record<string, string>} */ ({
  "basket-empty": "Your basket is empty.",
  "article-unknown": "Something in your basket is no longer sold: please remove it first.",
  "currencies-mixed": "Your basket has prices in several currencies, which cannot be ordered together.",
  "out-of-stock": "There is not enough of something in your basket. The order would be cancelled.",
  "coupon-invalid": "This coupon does not apply here.",
  "coupon-used": "You have used this coupon before.",
  "coupon-exhausted": "This coupon has been used up.",
});
const BLOCKING = new Set(Object.keys(OBSTACLES).filter((obstacle) => obstacle !== "out-of-stock"));

/** @type {Open} */
export const checkout = (shared, { query, signal, setTitle }) => {
  const { app } = shared;
  const body = h("div", { class: "checkout-body", "aria-busy": "true" }, rowsSkeleton(4, "6rem"));
  const element = h("div", { class: "screen checkout" }, backBar("Checkout", "/m/basket"), body);
  setTitle("Checkout");
  if (app.isGuest) {
    fill(body, shared.loginPrompt("Log in to order", "Your basket comes with you."));
    body.removeAttribute("aria-busy");
    return { element };
  }
  return { element, ready: open(shared, Number(query.get("order")), signal, body) };
};

/**
 * @param {Shared} shared
 * @param {number} again the entry of an order that was refused, or NaN
 * @param {AbortSignal} signal
 * @param {HTMLElement} body
 */
async function open(shared, again, signal, body) {
  const { app } = shared;
  await app.flush();
  const earlier = app.entries.find((entry) => entry.id === again && entry.refusal) ?? null;
  const stored = await app.store.screen(app.user, "address");
  const address = earlier?.request?.shipping.address ?? /** @type {Address | undefined} */ (stored?.body) ?? BLANK;
  let country = address.country;
  let coupon = earlier?.request?.coupon ?? "";
  const shipping = earlier?.request?.shipping;
  let chosen = shipping?.store ? `pickup:${shipping.store}` : (shipping?.method ?? "");
  const stores = new PlaceField(earlier?.near ?? null, () => void price());
  /** @type {Draft | null} */
  let draft = null;
  let inner = new AbortController();
  signal.addEventListener("abort", () => inner.abort());

  const summary = h("div", { class: "summary" });
  const couponInput = h("input", { id: "coupon", name: "coupon", class: "input", value: coupon, autocomplete: "off", autocapitalize: "characters" });
  const problem = h("div", { class: "form-problem", role: "alert" });
  const place = h("button", { type: "submit", class: "button primary" }, "Order");
  const total = h("p", { class: "hint", hidden: true });
  const applyCoupon = () => {
    coupon = couponInput.value.trim();
    void price();
  };
  const form = h(
    "form",
    { class: "checkout-form", novalidate: true, on: { submit: (/** @type {Event} */ event) => void submit(event) } },
    earlier ? h("div", { class: "trouble is-refusal", role: "alert" }, h("p", null, textOf(earlier)), h("p", null, "Please look at the new total, and order again if it suits you.")) : null,
    h(
      "fieldset",
      { class: "fields" },
      h("legend", { class: "section-title" }, "Delivery address"),
      ...addressFields(address, (chosen) => {
        country = chosen;
        void price();
      }),
    ),
    stores.element,
    summary,
    h(
      "div",
      { class: "field" },
      h("label", { for: "coupon" }, "Coupon"),
      h("div", { class: "input-row" }, couponInput, h("button", { type: "button", class: "button", on: { click: applyCoupon } }, "Use it")),
    ),
    choices("Payment", "payment", PAYMENTS, PAYMENTS[0]?.value ?? "", () => undefined),
    problem,
    h("div", { class: "action-bar" }, total, place),
  );

  /** Has the shop work out what it comes to now. */
  async function price() {
    inner.abort();
    inner = new AbortController();
    const { near } = stores;
    const wanted = { country, ...(coupon && { coupon }), ...(near && { near }) };
    const part = live(app, {
      name: `draft ${country} ${coupon} ${near ? Object.values(near).join(" ") : ""}`,
      isPrivate: true,
      call: () => app.api.checkoutDraft(wanted),
      draw: drawDraft,
      skeleton: rowsSkeleton(3, "5rem"),
      signal: inner.signal,
    });
    fill(summary, part.element);
    try {
      await part.ready;
      fill(problem);
    } catch (error) {
      if (!(error instanceof ApiError) || ![404, 422].includes(error.status)) {
        throw error;
      }
      draft = null;
      fill(summary);
      fill(problem, error.detail || error.title);
      showTotal();
    }
  }

  /** @param {Draft} found */
  function drawDraft(found) {
    draft = found;
    const ways = waysOf(found);
    chosen ||= ways[0]?.value ?? ""; // what was chosen and is gone gives way to nothing else
    showTotal();
    stores.say(storesText(found.pickup));
    return [
      choices("Delivery", "delivery", ways, chosen, (value) => {
        chosen = value;
        showTotal();
      }),
      linesOf(found),
    ];
  }

  const chosenWay = () => (draft ? waysOf(draft) : []).find((each) => each.value === chosen);

  function showTotal() {
    const delivery = chosenWay();
    const isBlocked = !delivery || draft?.obstacles.some((each) => BLOCKING.has(each));
    place.disabled = Boolean(isBlocked);
    fill(place, delivery ? `Order for ${delivery.total}` : "Order");
    total.hidden = !draft;
    fill(total, delivery ? "with delivery" : "Please choose a delivery.");
  }

  /** @param {Event} event */
  async function submit(event) {
    event.preventDefault();
    const delivery = chosenWay();
    const missing = firstMissing(form);
    if (missing || !delivery || !draft || place.disabled) {
      missing?.focus({ preventScroll: true });
      missing?.scrollIntoView({ block: "center" });
      return;
    }
    const given = addressIn(form);
    place.disabled = true;
    await app.store.putScreen(app.user, "address", given, Date.now());
    if (earlier) {
      await app.outbox.dismiss(earlier.id);
    }
    const payment = new FormData(form).get("payment");
    const { entry, sent } = await app.act({
      kind: "order",
      total: delivery.total,
      request: {
        basket_version: draft.basketVersion,
        total: delivery.amount,
        shipping: { method: delivery.method, address: given, ...(delivery.store && { store: delivery.store }) },
        payment_token: String(payment),
        ...(coupon && { coupon }),
      },
      ...(stores.near && { near: stores.near }),
    });
    const replay = await sent;
    const order = replay?.orders.find((each) => each.key === entry.key);
    const now = app.entries.find((each) => each.id === entry.id);
    if (order) {
      shared.router.navigate(`/m/orders/${order.id}`, order);
    } else if (now?.refusal) {
      shared.router.navigate(`/m/checkout?order=${entry.id}`);
    } else {
      shared.router.navigate("/m/orders"); // it waits there for the network
    }
  }

  await price();
  body.removeAttribute("aria-busy");
  const isEmpty = /** @type {Draft | null} */ (draft)?.obstacles.includes("basket-empty");
  fill(body, isEmpty && !earlier ? emptyState("Your basket is empty", "There is nothing to order.", h("a", { class: "button primary", href: "/m/search" }, "Look around")) : form);
}

/** @param {Draft} draft @returns {Way[]} */
function waysOf({ deliveries, pickup }) {
  return [
    ...deliveries.map(({ method, days, price, total, amount }) => ({
      value: method,
      method,
      label: `${method.charAt(0).toUpperCase()}${method.slice(1)}`,
      hint: days === 1 ? "Tomorrow" : `In ${days} days`,
      aside: price,
      total,
      amount,
    })),
    ...(pickup?.options ?? []).map(({ store, name, street, city, distance, ready, today, total, amount }) => ({
      value: `pickup:${store}`,
      method: "pickup",
      store,
      label: `Pick up ${today ? "today" : "tomorrow"} at ${ready}`,
      hint: `${name}, ${street}, ${city} · ${distance}`,
      aside: "Free",
      total,
      amount,
    })),
  ];
}

/** @param {import("../models.js").Pickup | null} pickup */
function storesText(pickup) {
  if (!pickup) {
    return "";
  }
  if (pickup.unknown) {
    return "We do not know this place. Try the next larger city.";
  }
  const where = pickup.place ?? "you";
  return pickup.options.length ? `Stores near ${where} are among the deliveries below.` : `No store near ${where} has all of your articles.`;
}

/** @param {Draft} draft */
function linesOf(draft) {
  return h(
    "section",
    { class: "draft", "aria-labelledby": "draft" },
    h("h2", { id: "draft", class: "section-title" }, "Your order"),
    ...draft.obstacles.map((each) => h("p", { class: "hint is-warning" }, OBSTACLES[each] ?? each)),
    h(
      "ul",
      { class: "draft-lines" },
      ...draft.lines.map((line) =>
        h(
          "li",
          { class: "draft-line" },
          pictureOf(line.image),
          h(
            "div",
            null,
            h("p", null, `${line.quantity} × ${line.name ?? line.sku}`),
            line.priceWhenAdded ? h("p", { class: "hint is-warning" }, `Was ${line.priceWhenAdded} each when you added it`) : null,
            badgesOf(line.badges),
          ),
          h("p", { class: "price" }, line.total ?? ""),
        ),
      ),
    ),
    h(
      "dl",
      { class: "sums" },
      h("dt", null, "Goods"),
      h("dd", { class: "price" }, draft.goods ?? "–"),
      draft.saved ? h("dt", null, "Saved") : null,
      draft.saved ? h("dd", { class: "price price-now" }, draft.saved) : null,
    ),
  );
}
