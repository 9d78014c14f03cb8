/** Grey boxes of the size of what comes. Screen readers hear of the waiting elsewhere (`aria-busy`). */

import { h } from "../../shared/dom.js";

/** @param {number} count */
export function cardSkeletons(count) {
  const card = () =>
    h(
      "li",
      { class: "card", "aria-hidden": "true" },
      h("div", { class: "picture skeleton" }),
      h("p", { class: "card-name" }, bar("70%")),
      h("p", { class: "card-brand" }, bar("45%")),
      h("p", { class: "card-facts" }, bar("30%")),
    );
  return Array.from({ length: count }, card);
}

/** @param {number} count */
export function lineSkeletons(count) {
  const widths = ["96%", "88%", "93%", "62%"];
  return Array.from({ length: count }, (_, index) =>
    h("p", { "aria-hidden": "true" }, bar(widths[index % 4] ?? "90%")),
  );
}

/** A line of text that is not there yet. @param {string} width */
export function bar(width) {
  const element = h("span", { class: "skeleton bar" });
  element.style.inlineSize = width;
  return element;
}
