/**
 * An order as it goes on: by a subscription to its stages, and by looking again where these do not come through.
 *
 * @typedef {import("./models.js").Order} Order
 */

import { ApiError } from "../shared/http.js";

/** Seconds between attempts to follow the stages, and between looks; each longer than the one before. */
const FIRST_WAIT = 1;
const LONGEST_WAIT = 30;
/** Looks at the basket for what comes back from an order that has just been cancelled. */
const RETURN_LOOKS = 5;
/** Streams that may end without an event one after the other before the order is looked at instead. */
const ATTEMPTS = 3;

/** Whether nothing more will happen to it. @param {Order} order */
export function hasEnded({ status, tracking }) {
  return (
    status === "cancelled" || tracking.some((event) => event.status === "delivered" || event.status === "cancelled")
  );
}

/**
 * Follows the order until nothing more will happen to it, or the signal is aborted.
 *
 * @param {import("./api.js").WebApi} api
 * @param {Order} order
 * @param {{ signal: AbortSignal, onChange: (order: Order) => void }} options
 */
export async function follow(api, order, { signal, onChange }) {
  let current = order;
  const show = (/** @type {Order} */ next) => onChange((current = next));
  if (hasEnded(current)) {
    return;
  }
  await followStages(api, () => current, show, signal);
  for (let wait = FIRST_WAIT; ; wait = Math.min(LONGEST_WAIT, wait * 2)) {
    show(withProgress(current, await readAgain(api, current.id, signal))); // stages know nothing of the parcel's way
    if (hasEnded(current)) {
      return;
    }
    await pause(wait, signal);
  }
}

/**
 * Reads the basket until the articles of a cancelled order are in it again: they come a moment after the cancellation.
 *
 * @param {import("./basket.js").BasketStore} basket
 * @param {Order} order
 * @param {{ signal: AbortSignal, wasOpen: boolean }} options `wasOpen`: until a moment ago; of others it is read once
 * @returns {Promise<boolean>} whether they have come
 */
export async function haveReturned(basket, { lines }, { signal, wasOpen }) {
  for (let look = 1; ; look += 1) {
    const { page } = await basket.load({ signal });
    const there = new Set([...page.lines, ...page.waiting].map(({ sku }) => sku));
    if (lines.every(({ sku }) => there.has(sku))) {
      return true;
    }
    if (!wasOpen || look === RETURN_LOOKS) {
      return false;
    }
    await pause(FIRST_WAIT * look, signal);
  }
}

/** Whether its stages have ended: what follows is the parcel's. @param {Order} order */
function isDecided({ status }) {
  return status === "completed" || status === "cancelled";
}

/**
 * @param {import("./api.js").WebApi} api
 * @param {() => Order} current
 * @param {(order: Order) => void} show
 * @param {AbortSignal} signal
 */
async function followStages(api, current, show, signal) {
  let lastEventId = "";
  for (let silent = 0; silent < ATTEMPTS && !isDecided(current());) {
    silent += 1;
    try {
      for await (const event of api.orderStages(current().id, { lastEventId, signal })) {
        lastEventId = event.id;
        silent = 0;
        show(withEvent(current(), event));
      }
    } catch (error) {
      if (!isTransient(error)) {
        throw error;
      }
    }
    if (!isDecided(current())) {
      await pause(FIRST_WAIT, signal); // the gateway ends a stream after a while: it is taken up where it was
    }
  }
}

/**
 * What has changed of the order, read when the connection allows it.
 *
 * @param {import("./api.js").WebApi} api
 * @param {string} id
 * @param {AbortSignal} signal
 */
async function readAgain(api, id, signal) {
  for (let wait = FIRST_WAIT; ; wait = Math.min(LONGEST_WAIT, wait * 2)) {
    try {
      return await api.orderProgress(id, { signal });
    } catch (error) {
      if (!isTransient(error)) {
        throw error;
      }
      await pause(wait, signal);
    }
  }
}

/**
 * @param {Order} order
 * @param {import("./models.js").OrderEvent} event
 * @returns {Order}
 */
function withEvent(order, { status, stage, reason, at, trackingCode }) {
  if (order.timeline.some((milestone) => milestone.stage === stage)) {
    return order;
  }
  const shipping = order.shipping && { ...order.shipping, trackingCode: trackingCode ?? order.shipping.trackingCode };
  const timeline = [...order.timeline, { stage, at }];
  return { ...order, status, stage, reason: reason ?? order.reason, shipping, timeline };
}

/**
 * @param {Order} order
 * @param {import("./models.js").Progress} progress
 * @returns {Order}
 */
function withProgress(order, { shipping: known, tracking, ...changed }) {
  const shipping = order.shipping && { ...order.shipping, trackingCode: known?.trackingCode ?? null };
  return { ...order, ...changed, shipping, tracking: tracking ?? order.tracking };
}

/** @param {unknown} error */
function isTransient(error) {
  return error instanceof ApiError && (error.status === 0 || error.status === 429 || error.status >= 500);
}

/**
 * Rejects when the signal is aborted.
 *
 * @param {number} seconds
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const timer = setTimeout(resolve, seconds * 1000);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
