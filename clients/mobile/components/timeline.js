/** The way of an order, as stages that it has come to. */

import { fill, h } from "../../shared/dom.js";
import { icon } from "./icons.js";

const STAGES = [
  { stage: "placed", label: "Placed" },
  { stage: "stock-reserved", label: "Set aside for you" },
  { stage: "payment-authorised", label: "Payment approved" },
  { stage: "confirmed", label: "Confirmed" },
  { stage: "shipment-created", label: "Parcel announced" },
  { stage: "payment-captured", label: "Paid" },
  { stage: "completed", label: "Packed" },
];

const REASONS = /** @type {Record<string, string>} */ ({
  "out-of-stock": "There was not enough in stock. What you wanted is in your basket again.",
  "payment-declined": "The card was declined. What you wanted is in your basket again.",
  "cancelled-by-customer": "You have cancelled it.",
  "not-deliverable": "It cannot be delivered there. Nothing was charged.",
  "timed-out": "It took too long. What you wanted is in your basket again.",
});

const STATUSES = /** @type {Record<string, string>} */ ({
  pending: "In progress",
  confirmed: "Confirmed",
  completed: "Packed",
  cancelled: "Cancelled",
});

const PARCEL = /** @type {Record<string, string>} */ ({
  created: "Announced to the carrier",
  dispatched: "On its way",
  delivered: "Delivered",
  cancelled: "Called back",
});

/**
 * How an order is: once its parcel is on its way, how that is.
 *
 * @param {{ status: string, reason: string | null, parcel: string | null | undefined }} order
 */
export function statusOf({ status, reason, parcel }) {
  const isUndone = reason !== null && status !== "cancelled";
  const isSent = status === "completed" && (parcel === "dispatched" || parcel === "delivered");
  const text = isSent ? parcelText(parcel) : (STATUSES[status] ?? status);
  return h("p", { class: `status is-${isUndone ? "pending" : status}` }, isUndone ? "Being cancelled" : text);
}

/** @param {string} reason */
export const reasonText = (reason) => REASONS[reason] ?? reason;

/** @param {string} status */
export const parcelText = (status) => PARCEL[status] ?? status.replaceAll("-", " ");

/**
 * The stages as a list; `show` brings it to a stage.
 *
 * @param {string | null} stage
 */
export function timeline(stage) {
  const items = STAGES.map(({ label }) => h("li", { class: "stage" }, h("span", { class: "stage-mark" }, icon("check")), h("span", null, label)));
  const element = h("ol", { class: "timeline", "aria-label": "Progress" }, ...items);
  const said = h("p", { class: "visually-hidden", role: "status" });

  /** @param {string | null} now */
  function show(now) {
    const reached = STAGES.findIndex((each) => each.stage === now);
    if (reached < 0) {
      return;
    }
    items.forEach((item, index) => {
      item.classList.toggle("is-done", index <= reached);
      item.classList.toggle("is-next", index === reached + 1);
    });
    fill(said, STAGES[reached]?.label ?? "");
  }
  show(stage);
  return { element: h("div", null, element, said), show };
}
