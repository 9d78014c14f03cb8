/** A number of pieces, with a button to each side that a thumb finds. */

import { fill, h } from "../../shared/dom.js";
import { MAX_QUANTITY } from "../basket.js";
import { icon } from "./icons.js";

/**
 * @param {{ name: string, quantity: number, onChange: (quantity: number) => void }} settings
 */
export function stepper({ name, quantity, onChange }) {
  let present = quantity;
  const count = h("output", { class: "stepper-count", "aria-live": "polite", "aria-label": `Quantity of ${name}` });
  const fewer = button("minus", `One ${name} fewer`, -1);
  const more = button("plus", `One more ${name}`, 1);

  /**
   * @param {"minus" | "plus"} glyph
   * @param {string} label
   * @param {number} by
   */
  function button(glyph, label, by) {
    const press = () => {
      const next = present + by;
      if (next >= 1 && next <= MAX_QUANTITY) {
        show(next);
        onChange(next);
      }
    };
    return h("button", { type: "button", class: "stepper-button", "aria-label": label, on: { click: press } }, icon(glyph));
  }

  /** @param {number} next */
  function show(next) {
    present = next;
    fill(count, next);
    fewer.setAttribute("aria-disabled", String(next <= 1));
    more.setAttribute("aria-disabled", String(next >= MAX_QUANTITY));
  }

  show(quantity);
  return { element: h("div", { class: "stepper", role: "group", "aria-label": `Quantity of ${name}` }, fewer, count, more), show };
}
