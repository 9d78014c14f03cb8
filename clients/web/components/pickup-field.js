/** The stores where an order can be picked up, near a place that the customer names or where the device is. */

import { fill, h } from "../../shared/dom.js";
import { devicePosition } from "../../shared/position.js";
import { clock, kilometres } from "../format.js";

/**
 * @typedef {import("../models.js").Pickup} Pickup
 * @typedef {import("../models.js").PickupOption} PickupOption
 * @typedef {import("../../shared/position.js").Near} Near
 */

export class PickupField {
  #onChange;
  #input;
  /** @type {Near | null} */
  #near;
  #state = h("p", { class: "hint", role: "status" });
  #options = h("div", { class: "options" });

  /**
   * @param {Near | null} near
   * @param {() => void} onChange stores near another place are wanted
   */
  constructor(near, onChange) {
    this.#near = near;
    this.#onChange = onChange;
    this.#input = h("input", {
      id: "pickup-place",
      class: "input",
      maxlength: 200,
      autocomplete: "off",
      value: near && "place" in near ? near.place : "",
      on: { keydown: (event) => this.#key(event) },
    });
    this.element = h(
      "div",
      { class: "pickup field" },
      h("label", { for: "pickup-place" }, "Or pick it up in a store near"),
      h(
        "div",
        { class: "coupon-row" },
        this.#input,
        h("button", { type: "button", class: "button", on: { click: () => this.#search() } }, "Find stores"),
        h("button", { type: "button", class: "button", on: { click: () => this.#locate() } }, "Use my position"),
      ),
      this.#state,
      this.#options,
    );
  }

  get near() {
    return this.#near;
  }

  /**
   * @param {Pickup | null} pickup
   * @param {string} chosen the value of the chosen delivery
   * @param {() => void} onChoice
   */
  show(pickup, chosen, onChoice) {
    this.#state.textContent = stateText(pickup);
    const options = pickup ? pickup.options : [];
    fill(this.#options, ...options.map((option) => pickupChoice(option, chosen, onChoice)));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key === "Enter") {
      event.preventDefault(); // it would order
      this.#search();
    }
  }

  #search() {
    const place = this.#input.value.trim();
    this.#near = place ? { place } : null;
    this.#onChange();
  }

  async #locate() {
    this.#state.textContent = "Looking for your position …";
    const found = await devicePosition();
    if (found) {
      this.#near = found;
      this.#input.value = "";
      this.#onChange();
    } else {
      this.#state.textContent = "Your position is not known. Name a place instead.";
    }
  }
}

/** @param {PickupOption} option */
export function pickupValue({ store }) {
  return `pickup:${store}`;
}

/**
 * @param {PickupOption} option
 * @param {string} chosen
 * @param {() => void} onChoice
 */
function pickupChoice(option, chosen, onChoice) {
  const { store, name, street, city, metres, readyAt, today } = option;
  const value = pickupValue(option);
  return h(
    "label",
    { class: "option", for: `pickup-${store}` },
    h("input", { id: `pickup-${store}`, type: "radio", name: "method", value, checked: value === chosen, on: { change: onChoice } }),
    h(
      "span",
      null,
      `Pick up ${today ? "today" : "tomorrow"} at ${clock(readyAt)}`,
      h("span", { class: "muted small" }, ` ${name}, ${street}, ${city}, ${kilometres(metres)}`),
    ),
    h("span", { class: "price" }, "Free"),
  );
}

/** @param {Pickup | null} pickup */
function stateText(pickup) {
  if (!pickup) {
    return "";
  }
  if (!pickup.known) {
    return "We do not know this place. Try the next larger city.";
  }
  const where = pickup.place ?? "you";
  return pickup.options.length === 0
    ? `No store near ${where} has all of your articles.`
    : `Stores near ${where} that should have all of your articles, the nearest first:`;
}
