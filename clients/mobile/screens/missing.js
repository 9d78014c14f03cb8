/** An address that this app does not have. */

import { h } from "../../shared/dom.js";
import { emptyState } from "../components/parts.js";

/** @type {import("../main.js").Open} */
export const missing = (_shared, { setTitle }) => {
  setTitle("Not here");
  const link = h("a", { class: "button primary", href: "/m/" }, "To the shop");
  return { element: h("div", { class: "screen" }, h("h1", { class: "visually-hidden" }, "Not here"), emptyState("Not here", "There is nothing at this address.", link)) };
};
