/** An order's story: what has happened to it, what comes next, and where its parcel is. */

import { h } from "../../shared/dom.js";
import { moment } from "../format.js";
import { icon } from "./icons.js";

/** @typedef {import("../models.js").Order} Order */

/** The stages of an order that goes well, and what each means to its customer. @type {[string, string][]} */
const STAGES = [
  ["placed", "We have your order"],
  ["stock-reserved", "Everything is put aside for you"],
  ["payment-authorised", "Your card is accepted"],
  ["confirmed", "Confirmed"],
  ["shipment-created", "The parcel is announced"],
  ["payment-captured", "Paid"],
  ["completed", "Packed"],
];

/** @type {Record<string, string>} */
const OTHER_STAGES = {
  "cancellation-started": "Being cancelled",
  cancelled: "Cancelled",
};

/** @type {Record<string, string>} */
const PARCEL = {
  dispatched: "On its way",
  delivered: "Delivered",
  cancelled: "The parcel is called back",
  refused: "The carrier does not take it",
};

/** @type {Record<string, string>} */
const STATES = { pending: "In progress", confirmed: "Confirmed", completed: "Packed", cancelled: "Cancelled" };

/** @type {Record<string, string>} */
const REASONS = {
  "out-of-stock": "There was not enough in stock. Your card is not charged.",
  "payment-declined": "Your card was declined. Nothing is charged.",
  "cancelled-by-customer": "You have cancelled it. Nothing is charged.",
  "not-deliverable": "It cannot be delivered to that address. What was paid goes back to your card.",
  "timed-out": "It took too long on our side. Nothing is charged.",
};

/**
 * How the order is: once it is packed, how its parcel is.
 *
 * @param {{ status: string, reason: string | null, parcel: string | null | undefined }} order
 */
export function stateText({ status, reason, parcel }) {
  if (reason && status !== "cancelled") {
    return "Being cancelled";
  }
  return (status === "completed" && PARCEL[parcel ?? ""]) || (STATES[status] ?? status);
}

/** Why an order is cancelled, or is being so; an empty text when it is not. @param {{ reason: string | null }} order */
export function reasonText({ reason }) {
  return reason ? (REASONS[reason] ?? "") : "";
}

/** Whether it is cancelled, or is being so. @param {{ status: string, reason: string | null }} order */
export function isUndone({ status, reason }) {
  return status === "cancelled" || reason !== null;
}

/** What stands above an order that has just been placed. @param {Order} order */
export function outcomeText(order) {
  if (!isUndone(order)) {
    return "Thank you";
  }
  return order.reason === "cancelled-by-customer" ? "Your order is cancelled" : "Your order did not go through";
}

/** How the order is, in the words of the list of orders. @param {Order} order */
export function leadText(order) {
  return reasonText(order) || stateText({ ...order, parcel: parcelStatus(order) });
}

/** What has happened last, in a few words. @param {Order} order */
export function latestText(order) {
  return PARCEL[parcelStatus(order) ?? ""] ?? stageText(order.timeline.at(-1)?.stage ?? "placed");
}

/** How its parcel is; undefined as long as nothing is known of it. @param {Order} order */
function parcelStatus({ tracking }) {
  return tracking.findLast(({ status }) => status in PARCEL)?.status;
}

/** @param {Order} order */
export function storyOf(order) {
  const past = order.timeline.map(({ stage, at }) => step(stageText(stage), at));
  const reached = new Set(order.timeline.map(({ stage }) => stage));
  const coming = isUndone(order) ? [] : STAGES.filter(([stage]) => !reached.has(stage)).map(([, text]) => step(text, null));
  const parcel = order.tracking
    .filter(({ status }) => status in PARCEL)
    .map(({ status, at }) => step(PARCEL[status] ?? status, at));
  const way = isUndone(order) || order.shipping === null ? [] : parcelSteps(order).map((text) => step(text, null));
  return h("ol", { class: "story" }, ...past, ...coming, ...parcel, ...way);
}

/** What is still to come of the parcel. @param {Order} order */
function parcelSteps({ tracking }) {
  const seen = new Set(tracking.map(({ status }) => status));
  return ["dispatched", "delivered"].filter((status) => !seen.has(status)).map((status) => PARCEL[status] ?? status);
}

/** @param {string} stage */
function stageText(stage) {
  return STAGES.find(([name]) => name === stage)?.[1] ?? OTHER_STAGES[stage] ?? stage;
}

/**
 * @param {string} text
 * @param {string | null} at null while it is still to come
 */
function step(text, at) {
  if (at === null) {
    return h(
      "li",
      { class: "story-step" },
      h("span", { class: "story-mark" }),
      h("span", null, text, h("span", { class: "visually-hidden" }, ", still to come")),
    );
  }
  return h(
    "li",
    { class: "story-step is-past" },
    h("span", { class: "story-mark" }, icon("check")),
    h("span", null, text),
    h("time", { datetime: at, class: "muted small" }, moment(at)),
  );
}
