/** The fields of an order: an address, and choices of which one is taken. */

import { COUNTRIES } from "../../shared/countries.js";
import { fill, h } from "../../shared/dom.js";

/** @typedef {import("../models.js").Address} Address */

export const FIRST_COUNTRY = "DE";

/** The cards of the demo shop; a real one would be entered at the acquirer. */
export const PAYMENTS = [
  { value: "tok_visa", label: "Card ending in 4242", hint: "A demo card that pays", aside: "" },
  { value: "tok_declined", label: "Card ending in 0002", hint: "A demo card that is declined", aside: "" },
];

const FIELDS = /** @type {const} */ ([
  { name: "name", label: "Name", autocomplete: "name", max: 200 },
  { name: "street", label: "Street and number", autocomplete: "street-address", max: 200 },
  { name: "postal_code", label: "Postal code", autocomplete: "postal-code", max: 20 },
  { name: "city", label: "City", autocomplete: "address-level2", max: 200 },
]);

/**
 * @param {Address | null} address
 * @param {string} country
 * @param {(country: string) => void} onCountry
 */
export function addressFields(address, country, onCountry) {
  const options = COUNTRIES.map(({ code, name }) => h("option", { value: code, selected: code === country }, name));
  const select = h(
    "select",
    { id: "country", name: "country", class: "input", autocomplete: "country", on: { change: () => onCountry(select.value) } },
    ...options,
  );
  return h(
    "fieldset",
    { class: "fields" },
    h("legend", { class: "section-title" }, "Delivery address"),
    ...FIELDS.map((each) => field(each, address?.[each.name] ?? "")),
    h("div", { class: "field" }, h("label", { for: "country" }, "Country"), select),
  );
}

/**
 * @param {(typeof FIELDS)[number]} settings
 * @param {string} value
 */
function field({ name, label, autocomplete, max }, value) {
  const error = h("p", { class: "field-error", id: `${name}-error` });
  const input = h("input", { id: name, name, class: "input", value, autocomplete, maxlength: max, required: true, "aria-describedby": `${name}-error` });
  input.addEventListener("input", () => {
    input.removeAttribute("aria-invalid");
    fill(error);
  });
  return h("div", { class: `field field-${name}` }, h("label", { for: name }, label), input, error);
}

/**
 * The address as it was filled in; null when something is missing, which the form then says.
 *
 * @param {HTMLFormElement} form
 * @returns {Address | null}
 */
export function readAddress(form) {
  const data = new FormData(form);
  /** @param {string} name */
  const text = (name) => String(data.get(name) ?? "").trim();
  const missing = FIELDS.filter(({ name }) => !text(name));
  for (const { name, label } of missing) {
    const input = form.querySelector(`#${name}`);
    input?.setAttribute("aria-invalid", "true");
    const error = form.querySelector(`#${name}-error`);
    if (error) {
      fill(error, `${label} is missing.`);
    }
  }
  const first = form.querySelector("[aria-invalid=true]");
  if (first instanceof HTMLElement) {
    first.focus({ preventScroll: true });
    return null;
  }
  return { name: text("name"), street: text("street"), postal_code: text("postal_code"), city: text("city"), country: text("country") };
}

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
