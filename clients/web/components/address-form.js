/** Where an order is delivered, and how it is paid. */

import { COUNTRIES } from "../../shared/countries.js";
import { find, h } from "../../shared/dom.js";

/** @type {[string, string, string][]} token of the card, its name, and what is special about it */
const CARDS = [
  ["tok_visa", "Visa ···· 4242", ""],
  ["tok_mastercard", "Mastercard ···· 5555", ""],
  ["tok_declined", "Visa ···· 0002", "is declined"],
];

/** @typedef {{ name: string, street: string, postal_code: string, city: string, country: string }} Address */

/** @type {{ name: keyof Address, label: string, autocomplete: string, maxlength: number, width: string }[]} */
const FIELDS = [
  { name: "name", label: "Name", autocomplete: "name", maxlength: 200, width: "full" },
  { name: "street", label: "Street and number", autocomplete: "street-address", maxlength: 200, width: "full" },
  { name: "postal_code", label: "Postal code", autocomplete: "postal-code", maxlength: 20, width: "third" },
  { name: "city", label: "City", autocomplete: "address-level2", maxlength: 200, width: "rest" },
];

/**
 * The fields of an address. `onCountry` is called when another country is chosen.
 *
 * @param {Address} address
 * @param {(code: string) => void} onCountry
 */
export function addressFields(address, onCountry) {
  const fields = FIELDS.map(({ name, label, autocomplete, maxlength, width }) => {
    const id = `address-${name}`;
    const error = h("p", { id: `${id}-error`, class: "field-error" });
    const props = {
      id,
      name,
      class: "input",
      required: true,
      autocomplete,
      maxlength,
      value: address[name],
      "aria-describedby": `${id}-error`,
      on: { input: () => input.value.trim() !== "" && mark(input, error, false) },
    };
    const input = h("input", props);
    return h("div", { class: `field is-${width}` }, h("label", { for: id }, label), input, error);
  });
  const options = COUNTRIES.map(({ code, name }) =>
    h("option", { value: code, selected: code === address.country }, name),
  );
  const select = h(
    "select",
    {
      id: "address-country",
      name: "country",
      class: "input",
      autocomplete: "country",
      on: { change: () => onCountry(select.value) },
    },
    ...options,
  );
  return [...fields, h("div", { class: "field is-full" }, h("label", { for: "address-country" }, "Country"), select)];
}

/**
 * The cards that can be chosen in place of a real one.
 *
 * @param {string} chosen the token
 */
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

/**
 * Marks the fields that are not filled in, and says so beside each; the first of them, or null.
 *
 * @param {HTMLFormElement} form
 * @returns {HTMLInputElement | null}
 */
export function firstInvalid(form) {
  const inputs = [...form.querySelectorAll("input[required]")].filter((input) => input instanceof HTMLInputElement);
  for (const input of inputs) {
    mark(input, find(`#${input.id}-error`, HTMLElement, form), input.value.trim() === "");
  }
  return inputs.find((input) => input.getAttribute("aria-invalid") === "true") ?? null;
}

/**
 * @param {HTMLInputElement} input
 * @param {HTMLElement} error
 * @param {boolean} isMissing
 */
function mark(input, error, isMissing) {
  input.setAttribute("aria-invalid", String(isMissing));
  error.textContent = isMissing ? "Please fill this in." : "";
}
