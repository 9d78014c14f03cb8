/** All orders, newest first, and those that still wait for the network. */

import { ApiError } from "../../shared/http.js";
import { fill, h } from "../../shared/dom.js";
import { emptyState, rowsSkeleton } from "../components/parts.js";
import { icon } from "../components/icons.js";
import { statusOf } from "../components/timeline.js";
import { troubles } from "../components/troubles.js";
import { live } from "../live.js";

/**
 * @typedef {import("../models.js").OrderEntry} OrderEntry
 * @typedef {import("../main.js").Open} Open
 * @typedef {import("../main.js").Shared} Shared
 */

/** @type {Open} */
export const orders = (shared, { signal, setTitle }) => {
  const { app } = shared;
  const element = h("div", { class: "screen orders" }, h("header", { class: "bar" }, h("h1", null, "Orders")));
  setTitle("Orders");
  if (app.isGuest) {
    element.append(shared.loginPrompt("Your orders", "Log in to see what you have ordered, and where it is."));
    return { element };
  }
  const waiting = h("div", { class: "rows" });
  const showWaiting = () => fill(waiting, ...troubles(shared), ...waitingOrders(shared));
  app.addEventListener("basket", showWaiting, { signal });
  app.addEventListener("network", showWaiting, { signal }); // what waits says whether it can be sent
  showWaiting();
  const part = live(app, {
    name: "orders",
    isPrivate: true,
    call: () => app.api.orders(),
    draw: ({ items, next }) => {
      if (items.length === 0) {
        return [emptyState("No orders yet", "What you order shows here, with its way to you.", h("a", { class: "button primary", href: "/m/" }, "Look around"))];
      }
      const list = h("ul", { class: "entries" }, ...items.map(entryOf));
      return [list, next ? olderOf(shared, list, next) : null];
    },
    skeleton: rowsSkeleton(4, "5.25rem"),
    signal,
  });
  app.addEventListener("replayed", (event) => {
    if (event instanceof CustomEvent && event.detail.orders.length > 0) {
      void part.refresh();
    }
  }, { signal });
  element.append(waiting, part.element);
  const ready = part.ready.catch((error) => {
    if (!(error instanceof ApiError && error.status === 0)) {
      throw error;
    }
    fill(part.element, emptyState("No network", "Your orders show here when it is back.")); // what waits stays on the screen
    part.element.removeAttribute("aria-busy");
  });
  return { element, ready };
};

/** @param {Shared} shared */
function waitingOrders({ app }) {
  const open = app.entries.filter((entry) => entry.kind === "order" && !entry.refusal);
  return open.map((entry) =>
    h(
      "section",
      { class: "trouble waiting-order", role: "status" },
      h("p", { class: "trouble-title" }, `Order of ${entry.total}`),
      h("p", null, app.isReachable ? "It is being placed." : "It is placed as soon as there is a network. You can close the app."),
      h("p", { class: "actions" }, h("button", { type: "button", class: "button plain", on: { click: () => void app.outbox.dismiss(entry.id) } }, "Do not order")),
    ),
  );
}

/** @param {OrderEntry} entry */
function entryOf(entry) {
  const { id, date, pieces, total } = entry;
  return h(
    "li",
    null,
    h(
      "a",
      { class: "entry", href: `/m/orders/${encodeURIComponent(id)}` },
      h("div", null, h("p", { class: "entry-title" }, date), h("p", { class: "hint" }, `${pieces} ${pieces === 1 ? "piece" : "pieces"}`)),
      h("div", { class: "entry-end" }, h("p", { class: "price" }, total), statusOf(entry)),
      icon("forward"),
    ),
  );
}

/**
 * @param {Shared} shared
 * @param {HTMLElement} list
 * @param {string} cursor
 */
function olderOf({ app, notices }, list, cursor) {
  /** @type {string | null} */
  let next = cursor;
  const load = async () => {
    try {
      const older = await app.api.orders(next ?? undefined);
      list.append(...older.items.map(entryOf));
      next = older.next;
      button.hidden = next === null;
    } catch (error) {
      if (!(error instanceof ApiError)) {
        throw error;
      }
      notices.toast("Older orders did not arrive.");
    }
  };
  const button = h("button", { type: "button", class: "button wide", on: { click: () => void load() } }, "Older orders");
  return button;
}
