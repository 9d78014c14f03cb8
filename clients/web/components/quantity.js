/** A number of pieces, with a button to each side, and a warning when there are not as many. */

import { h } from "../../shared/dom.js";
import { MAX_QUANTITY } from "../basket.js";
import { icon } from "./icons.js";

/**
 * @param {{ name: string, quantity: number, id: string, onChange?: (quantity: number) => void }} settings
 *   `name`: of the product; `id`: of the input, unique on the page
 */
export function quantityOf({ name, quantity, id, onChange = () => undefined }) {
  const input = h("input", {
    id,
    class: "quantity-input",
    type: "number",
    inputmode: "numeric",
    min: 1,
    max: MAX_QUANTITY,
    value: quantity,
    on: { input: () => warn(), change: () => set(Number(input.value)) },
  });
  const fewer = step("minus", -1);
  const more = step("plus", 1);
  const note = h("p", { class: "quantity-note", role: "status" });
  let inStock = /** @type {number | null} */ (null);

  /** @param {number} wanted */
  function set(wanted) {
    const next = Math.min(MAX_QUANTITY, Math.max(1, Math.trunc(wanted) || 1));
    show(next);
    onChange(next);
  }

  /** @param {number} next */
  function show(next) {
    input.value = String(next);
    fewer.setAttribute("aria-disabled", String(next <= 1));
    more.setAttribute("aria-disabled", String(next >= MAX_QUANTITY));
    warn();
  }

  /** How many there are; null when nobody knows. @param {number | null} available */
  function limit(available) {
    inStock = available;
    warn();
  }

  function warn() {
    const isMore = inStock !== null && inStock > 0 && Number(input.value) > inStock;
    const text = isMore ? `Only ${inStock} in stock` : "";
    if (note.textContent !== text) {
      note.textContent = text; // said once
    }
  }

  /**
   * @param {"minus" | "plus"} glyph
   * @param {number} by
   */
  function step(glyph, by) {
    const press = () => {
      const next = Number(input.value) + by;
      if (next >= 1 && next <= MAX_QUANTITY) {
        set(next);
      }
    };
    return h("button", { type: "button", class: "quantity-step", on: { click: press } }, icon(glyph));
  }

  const group = h("div", { class: "quantity", role: "group" }, fewer, input, more);

  /** What it is a number of, once that is known. @param {string} product */
  function rename(product) {
    for (const each of [group, input]) {
      each.setAttribute("aria-label", `Quantity of ${product}`);
    }
    fewer.setAttribute("aria-label", `One ${product} fewer`);
    more.setAttribute("aria-label", `One more ${product}`);
  }

  rename(name);
  show(quantity);
  const element = h("div", { class: "quantity-field" }, group, note);
  return { element, show, limit, rename, value: () => Number(input.value) };
}
