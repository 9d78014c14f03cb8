/** The coupon of a checkout: what it takes off is said beside the field, and there it can be removed. */

import { h } from "../../shared/dom.js";

/** @typedef {import("../models.js").Draft["coupon"]} Coupon */

export class CouponField {
  #onChange;
  #input;
  #state = h("p", { role: "status" });
  #remove = h("button", { type: "button", class: "button", hidden: true }, "Remove");

  /**
   * @param {string} code
   * @param {() => void} onChange another coupon is to be used, or none
   */
  constructor(code, onChange) {
    this.#onChange = onChange;
    this.#input = h("input", {
      id: "coupon",
      class: "input",
      maxlength: 64,
      autocomplete: "off",
      autocapitalize: "characters",
      value: code,
      on: { keydown: (event) => event.key === "Enter" && onChange() },
    });
    this.#remove.addEventListener("click", () => this.#clear());
    const use = h("button", { type: "button", class: "button", on: { click: onChange } }, "Use it");
    this.element = h(
      "div",
      { class: "coupon field" },
      h("label", { for: "coupon" }, "Coupon"),
      h("div", { class: "input-row" }, this.#input, use, this.#remove),
      this.#state,
    );
  }

  get code() {
    return this.#input.value.trim();
  }

  /** @param {Coupon} coupon @param {string[]} obstacles */
  show(coupon, obstacles = []) {
    this.#remove.hidden = coupon === null;
    this.#state.className = coupon && !coupon.applied ? "notice is-warning" : "hint";
    this.#state.textContent = textOf(coupon, obstacles);
  }

  #clear() {
    this.#input.value = "";
    this.#input.focus(); // the button that has been pressed goes
    this.show(null);
    this.#onChange();
  }
}

/** @param {Coupon} coupon @param {string[]} obstacles */
function textOf(coupon, obstacles) {
  if (!coupon) {
    return "";
  }
  const { code, applied } = coupon;
  if (applied) {
    return `${code} is taken off.`;
  }
  if (obstacles.includes("coupon-used")) {
    return `You have used ${code} before. Remove it, or use another one.`;
  }
  return obstacles.includes("coupon-exhausted")
    ? `${code} has been used up. Remove it, or use another one.`
    : `We do not know ${code}, or it takes nothing off these articles. Remove it, or use another one.`;
}
