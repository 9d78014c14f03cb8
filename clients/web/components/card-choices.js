/** The cards that can be chosen in place of a real one. */

import { h } from "../../shared/dom.js";

/** @type {[string, string, string][]} token of the card, its name, and what is special about it */
const CARDS = [
  ["tok_visa", "Visa ···· 4242", ""],
  ["tok_mastercard", "Mastercard ···· 5555", ""],
  ["tok_declined", "Visa ···· 0002", "is declined"],
];

/** @param {string} chosen the token */
export function cardChoices(chosen) {
  return CARDS.map(([token, name, hint]) =>
    h(
      "label",
      { class: "option", for: token },
      h("input", { id: token, type: "radio", name: "payment_token", value: token, checked: token === chosen }),
      h("span", null, name),
      h("span", { class: "muted small" }, hint),
    ),
  );
}
