/** The orders of a customer, newest first. */

import { fill, h } from "../../shared/dom.js";
import { degradedNote } from "../components/degraded.js";
import { refusalText } from "../components/problem.js";
import { bar } from "../components/skeletons.js";
import { stateText } from "../components/story.js";
import { day, plural, price } from "../format.js";

/**
 * @param {import("../app.js").App} app
 * @returns {import("../../shared/router.js").Open}
 */
export function ordersPage({ api, notices }) {
  return ({ signal, setTitle }) => {
    const list = h(
      "ol",
      { class: "orders" },
      ...[0, 1, 2].map(() =>
        h("li", { class: "order-row", "aria-hidden": "true" }, h("span", { class: "order-skeleton" }, bar("60%"))),
      ),
    );
    const note = h("div", { class: "note" });
    const more = h("div", { class: "more" });
    const element = h("div", { class: "page orders-page" }, h("h1", null, "Your orders"), note, list, more);
    setTitle("Your orders");

    /** @param {string | null} cursor */
    function showMore(cursor) {
      fill(
        more,
        cursor &&
          h("button", { type: "button", class: "button", on: { click: () => append(cursor) } }, "Show older ones"),
      );
    }

    /** @param {string} cursor */
    async function append(cursor) {
      try {
        const { page } = await api.orders(cursor, { signal });
        const rows = page.items.map(orderRow);
        list.append(...rows);
        rows[0]?.querySelector("a")?.focus();
        showMore(page.next);
      } catch (error) {
        if (!signal.aborted) {
          notices.show(refusalText(error), { isError: true });
        }
      }
    }

    const ready = api.orders(null, { signal }).then(({ page, degraded }) => {
      fill(note, degradedNote(degraded));
      fill(list, ...page.items.map(orderRow));
      showMore(page.next);
      if (page.items.length === 0) {
        list.replaceWith(noOrders());
      }
    });
    return { element, ready };
  };
}

/** @param {import("../models.js").OrderSummary} order */
function orderRow(order) {
  const { id, placedAt, pieces, total, status } = order;
  return h(
    "li",
    { class: "order-row" },
    h("h2", { class: "order-day" }, h("a", { href: `/orders/${encodeURIComponent(id)}` }, day(placedAt))),
    h("p", { class: `order-state is-${status}` }, stateText(order)),
    h("p", { class: "muted" }, plural(pieces, "piece")),
    h("p", { class: "price" }, price(total)),
  );
}

function noOrders() {
  return h(
    "div",
    { class: "nothing" },
    h("p", { class: "lead" }, "You have not ordered anything yet."),
    h("p", { class: "actions" }, h("a", { class: "button primary", href: "/search" }, "Browse everything")),
  );
}
