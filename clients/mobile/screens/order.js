/** One order: its progress as it happens, what is in it, and where its parcel is. */

import { ApiError } from "../../shared/http.js";
import { h } from "../../shared/dom.js";
import { backBar, productPath, rowsSkeleton } from "../components/parts.js";
import { parcelText, reasonText, statusOf, timeline } from "../components/timeline.js";
import { live } from "../live.js";

const PARCEL_INTERVAL = 5000; // milliseconds between two looks at where a parcel is
const AGAIN = 2000; // milliseconds before a broken stream of events is resumed

/**
 * @typedef {import("../models.js").Order} Order
 * @typedef {import("../main.js").Open} Open
 * @typedef {import("../main.js").Shared} Shared
 */

/** @type {Open} */
export const order = (shared, { params, given, signal, setTitle }) => {
  const { app } = shared;
  const id = params.order_id ?? "";
  const placed = /** @type {(Order & { position: string | null }) | null} */ (given);
  setTitle("Order");
  if (app.isGuest) {
    const prompt = shared.loginPrompt("Your order", "Log in to see it.");
    return { element: h("div", { class: "screen order" }, backBar("Order", "/m/orders"), prompt) };
  }
  let progress = timeline(null);
  let isFollowed = false;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  let timer;
  signal.addEventListener("abort", () => clearInterval(timer));
  const part = live(app, {
    name: `order ${id}`,
    isPrivate: true,
    call: () => app.api.order(id, { minPosition: placed?.position }),
    given: placed,
    draw: (found) => {
      progress = timeline(found.stage);
      queueMicrotask(() => watch(found));
      return draw(shared, found, progress.element, refresh);
    },
    skeleton: rowsSkeleton(3, "8rem"),
    signal,
  });

  async function refresh() {
    try {
      await part.refresh();
    } catch (error) {
      if (!(error instanceof ApiError)) {
        throw error;
      }
      shared.notices.toast("The order could not be read again.", { label: "Try again", run: () => void refresh() });
    }
  }

  /** Follows an order under way, or else a parcel on its way. @param {Order} found */
  function watch(found) {
    if (isUnderWay(found) && !isFollowed) {
      isFollowed = true;
      void follow(app.api, id, signal, (stage) => progress.show(stage)).then((isOver) => (isOver ? refresh() : undefined));
    }
    if (isTravelling(found)) {
      timer ??= setInterval(() => !document.hidden && void refresh(), PARCEL_INTERVAL);
    } else {
      clearInterval(timer);
    }
  }
  const element = h("div", { class: "screen order" }, backBar("Order", "/m/orders"), part.element);
  return { element, ready: part.ready };
};

/** @param {Order} order */
const isUnderWay = ({ status }) => status === "pending" || status === "confirmed";

/** @param {Order} order */
const isTravelling = ({ status, shipping }) =>
  status === "completed" && !shipping?.tracking.some((event) => event.status === "delivered");

/**
 * Shows each stage as it comes, and resumes a broken stream where it broke.
 *
 * @param {import("../api.js").MobileApi} api
 * @param {string} id
 * @param {AbortSignal} signal
 * @param {(stage: string) => void} show
 * @returns {Promise<boolean>} whether the order has ended: not when the screen was left, or events are refused
 */
async function follow(api, id, signal, show) {
  let lastEventId = "";
  let isOver = false;
  while (!signal.aborted && !isOver) {
    try {
      let count = 0;
      for await (const event of api.orderEvents(id, { lastEventId, signal })) {
        count += 1;
        lastEventId = event.id;
        isOver = event.status === "completed" || event.status === "cancelled";
        show(event.stage);
      }
      isOver ||= count === 0; // 204: there is nothing more to come
    } catch (error) {
      if (signal.aborted) {
        return false;
      }
      if (!(error instanceof ApiError) || (error.status >= 400 && error.status < 500)) {
        throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, AGAIN));
    }
  }
  return isOver;
}

/**
 * @param {Shared} shared
 * @param {Order} order
 * @param {HTMLElement} progress
 * @param {() => Promise<void>} refresh
 */
function draw(shared, order, progress, refresh) {
  const { status, date, lines, total, saved, shipping, reason } = order;
  const canCancel = status === "pending" && reason === null;
  const cancel = async () => {
    try {
      await shared.app.api.cancelOrder(order.id);
      await refresh();
    } catch (error) {
      if (!(error instanceof ApiError)) {
        throw error;
      }
      const isLate = error.kind === "order-confirmed";
      shared.notices.toast(isLate ? "It is confirmed already, and cannot be cancelled any more." : error.title);
    }
  };
  return [
    h("header", { class: "order-head" }, h("h2", null, `Order of ${date}`), statusOf({ status, reason, parcel: shipping?.tracking.at(-1)?.status })),
    reason ? h("p", { class: "trouble" }, reasonText(reason)) : null,
    status === "cancelled" ? null : h("section", { class: "panel" }, progress),
    shipping ? parcelOf(shipping) : null,
    h(
      "section",
      { class: "panel", "aria-labelledby": "lines" },
      h("h3", { id: "lines", class: "section-title" }, "What you ordered"),
      h(
        "ul",
        { class: "bought" },
        ...lines.map((line) =>
          h("li", null, h("a", { href: productPath(line.sku) }, `${line.quantity} × ${line.name}`), h("span", { class: "price" }, line.total)),
        ),
      ),
      h(
        "dl",
        { class: "sums" },
        shipping ? [h("dt", null, "Delivery"), h("dd", { class: "price" }, shipping.price)] : [],
        saved ? [h("dt", null, "Saved"), h("dd", { class: "price price-now" }, saved)] : [],
        h("dt", { class: "total" }, "Total"),
        h("dd", { class: "price total" }, total),
      ),
    ),
    canCancel ? h("button", { type: "button", class: "button wide", on: { click: () => void cancel() } }, "Cancel this order") : null,
    h("p", { class: "hint order-id" }, `Order ${order.id}`),
  ];
}

/** @param {import("../models.js").Parcel} parcel */
function parcelOf({ method, to, trackingCode, tracking, pickup }) {
  if (pickup) {
    return h(
      "section",
      { class: "panel", "aria-labelledby": "parcel" },
      h("h3", { id: "parcel", class: "section-title" }, "Where you pick it up"),
      h("p", null, pickup.name),
      h("p", null, pickup.address),
      h("p", { class: "hint" }, `From ${pickup.ready}`),
    );
  }
  return h(
    "section",
    { class: "panel", "aria-labelledby": "parcel" },
    h("h3", { id: "parcel", class: "section-title" }, "Your parcel"),
    h("p", null, `To ${to}, ${method}`),
    trackingCode ? h("p", { class: "hint" }, `Tracking code ${trackingCode}`) : null,
    tracking.length
      ? h("ol", { class: "tracking" }, ...tracking.map((event) => h("li", null, h("span", null, parcelText(event.status)), h("span", { class: "hint" }, event.date))))
      : h("p", { class: "hint" }, "It shows here where it is, as soon as the carrier has it."),
  );
}
