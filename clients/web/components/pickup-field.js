/** The stores where an order can be picked up, near a place that the customer names or where the device is. */

import { fill, h } from "../../shared/dom.js";
import { PlaceField } from "../../shared/place-field.js";
import { clock, kilometres } from "../format.js";

/**
 * @typedef {import("../models.js").Pickup} Pickup
 * @typedef {import("../models.js").PickupOption} PickupOption
 * @typedef {import("../../shared/place-field.js").Near} Near
 */

export class PickupField {
  #place;
  #options = h("div", { class: "options" });

  /**
   * @param {Near | null} near
   * @param {() => void} onChange stores near another place are wanted
   */
  constructor(near, onChange) {
    this.#place = new PlaceField(near, onChange);
    this.element = h("div", { class: "checkout-group" }, this.#place.element, this.#options);
  }

  get near() {
    return this.#place.near;
  }

  /**
   * @param {Pickup | null} pickup
   * @param {string} chosen the value of the chosen delivery
   * @param {() => void} onChoice
   */
  show(pickup, chosen, onChoice) {
    this.#place.say(stateText(pickup));
    const options = pickup ? pickup.options : [];
    fill(this.#options, ...options.map((option) => pickupChoice(option, chosen, onChoice)));
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
