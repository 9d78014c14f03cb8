/** The fields of a delivery address, and what is missing in them. */

import { COUNTRIES } from "./countries.js";
import { find, h } from "./dom.js";

/** @typedef {{ name: string, street: string, postal_code: string, city: string, country: string }} Address */

/** @type {Address} */
export const BLANK = { name: "", street: "", postal_code: "", city: "", country: "DE" };

/** @type {{ name: Exclude<keyof Address, "country">, label: string, autocomplete: string, maxlength: number }[]} */
const FIELDS = [
  { name: "name", label: "Name", autocomplete: "name", maxlength: 200 },
  { name: "street", label: "Street and number", autocomplete: "street-address", maxlength: 200 },
  { name: "postal_code", label: "Postal code", autocomplete: "postal-code", maxlength: 20 },
  { name: "city", label: "City", autocomplete: "address-level2", maxlength: 200 },
];

/**
 * @param {Address} address
 * @param {(code: string) => void} onCountry another country is chosen
 */
export function addressFields(address, onCountry) {
  const fields = FIELDS.map(({ name, label, autocomplete, maxlength }) => {
    const id = `address-${name}`;
    const error = h("p", { id: `${id}-error`, class: "field-error" });
    const props = { id, name, class: "input", required: true, autocomplete, maxlength, value: address[name], "aria-describedby": error.id };
    const input = h("input", props);
    input.addEventListener("input", () => input.value.trim() !== "" && mark(input, error, false));
    return h("div", { class: `field field-${name}` }, h("label", { for: id }, label), input, error);
  });
  const options = COUNTRIES.map(({ code, name }) => h("option", { value: code, selected: code === address.country }, name));
  const props = { id: "address-country", name: "country", class: "input", autocomplete: "country" };
  const select = h("select", { ...props, on: { change: () => onCountry(select.value) } }, ...options);
  return [...fields, h("div", { class: "field" }, h("label", { for: props.id }, "Country"), select)];
}

/** The address as it is filled in. @param {HTMLFormElement} form @returns {Address} */
export function addressIn(form) {
  const data = new FormData(form);
  const text = (/** @type {string} */ name) => String(data.get(name) ?? "").trim();
  return { name: text("name"), street: text("street"), postal_code: text("postal_code"), city: text("city"), country: text("country") };
}

/**
 * Marks the fields that are not filled in, and says so beside each; the first of them, or null.
 *
 * @param {HTMLFormElement} form
 */
export function firstMissing(form) {
  const inputs = FIELDS.map(({ name }) => find(`#address-${name}`, HTMLInputElement, form));
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
