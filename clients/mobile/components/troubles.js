/** What the shop has refused, or done otherwise than the customer saw it: shown until the customer has read it. */

import { h } from "../../shared/dom.js";

/**
 * @typedef {import("../outbox.js").Entry} Entry
 * @typedef {import("../main.js").Shared} Shared
 */

/** @param {Shared} shared */
export function troubles(shared) {
  return shared.app.entries.filter((entry) => entry.refusal || entry.notice).map((entry) => troubleOf(shared, entry));
}

/**
 * @param {Shared} shared
 * @param {Entry} entry
 */
function troubleOf({ app }, entry) {
  const dismiss = () => void app.outbox.dismiss(entry.id);
  return h(
    "section",
    { class: `trouble ${entry.refusal ? "is-refusal" : ""}`, role: "alert" },
    h("p", { class: "trouble-title" }, titleOf(entry)),
    h("p", null, textOf(entry)),
    h(
      "p",
      { class: "actions" },
      entry.kind === "order" ? h("a", { class: "button", href: `/m/checkout?order=${entry.id}` }, "Look at it again") : null,
      h("button", { type: "button", class: "button plain", on: { click: dismiss } }, entry.kind === "order" ? "Do not order" : "OK"),
    ),
  );
}

/** @param {Entry} entry */
function titleOf({ kind, seen, sku, refusal }) {
  const name = seen?.name ?? sku ?? "";
  if (kind === "order") {
    return "Your order was not placed";
  }
  if (!refusal) {
    return name;
  }
  return kind === "remove" ? `${name} could not be removed` : `${name} could not be put into your basket`;
}

/** @param {Entry} entry */
export function textOf({ refusal, notice, total }) {
  switch (refusal?.kind) {
    case undefined:
      return notice ?? "";
    case "total-changed":
      return `The price has changed since you saw ${total}. Nothing has been ordered.`;
    case "basket-changed":
      return "Your basket has changed since. Nothing has been ordered.";
    case "basket-empty":
      return "Your basket was empty by then. Nothing has been ordered.";
    case "article-unknown":
    case "product-unknown":
      return "It is no longer sold.";
    default:
      return refusal?.detail || refusal?.title || "The shop has refused it.";
  }
}
