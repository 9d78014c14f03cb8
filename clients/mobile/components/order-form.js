/** What is chosen for an order: one of some deliveries, or of some cards. */

import { h } from "../../shared/dom.js";

/** The cards of the demo shop; a real one would be entered at the acquirer. */
export const PAYMENTS = [
  { value: "tok_visa", label: "Card ending in 4242", hint: "A demo card that pays", aside: "" },
  { value: "tok_declined", label: "Card ending in 0002", hint: "A demo card that is declined", aside: "" },
];

/**
 * @param {string} title
 * @param {string} name
 * @param {{ value: string, label: string, hint: string, aside: string }[]} options
 * @param {string} chosen
 * @param {(value: string) => void} onChange
 */
export function choices(title, name, options, chosen, onChange) {
  return h(
    "fieldset",
    { class: "choices" },
    h("legend", { class: "section-title" }, title),
    ...options.map(({ value, label, hint, aside }) =>
      h(
        "label",
        { class: "choice" },
        h("input", { type: "radio", name, value, checked: value === chosen, on: { change: () => onChange(value) } }),
        h("span", { class: "choice-text" }, label, h("span", { class: "hint" }, hint)),
        aside ? h("span", { class: "price" }, aside) : null,
      ),
    ),
  );
}
