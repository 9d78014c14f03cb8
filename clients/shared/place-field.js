/** Where a customer would pick an order up: near a place that they name, or where the device is. */

import { h } from "./dom.js";

/** @typedef {{ place: string } | { latitude: number, longitude: number }} Near a place by its name, or a position in degrees */

export class PlaceField {
  #onChange;
  #input;
  #state = h("p", { class: "hint", role: "status" });

  /**
   * @param {Near | null} near
   * @param {() => void} onChange stores near another place are wanted
   */
  constructor(near, onChange) {
    this.near = near;
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
      { class: "field" },
      h("label", { for: "pickup-place" }, "Or pick it up in a store near"),
      h(
        "div",
        { class: "input-row" },
        this.#input,
        button("Find stores", () => this.#search()),
        button("Use my position", () => void this.#locate()),
      ),
      this.#state,
    );
  }

  /** What is said of the stores there. @param {string} text */
  say(text) {
    this.#state.textContent = text;
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
    this.near = place ? { place } : null;
    this.#onChange();
  }

  async #locate() {
    this.say("Looking for your position …");
    const found = await devicePosition();
    if (found) {
      this.near = found;
      this.#input.value = "";
      this.#onChange();
    } else {
      this.say("Your position is not known. Name a place instead.");
    }
  }
}

/**
 * @param {string} text
 * @param {() => void} click
 */
function button(text, click) {
  return h("button", { type: "button", class: "button", on: { click } }, text);
}

/**
 * The device's position, to about a hundred metres: nobody needs to know more. The browser asks its user first.
 *
 * @returns {Promise<Near | null>} null when the user does not want that, or the device does not know
 */
function devicePosition() {
  if (!navigator.geolocation) return Promise.resolve(null); // the page did not come by HTTPS
  return new Promise((resolve) => {
    navigator.geolocation.getCurrentPosition(
      ({ coords: { latitude, longitude } }) =>
        resolve({ latitude: Math.round(latitude * 1000) / 1000, longitude: Math.round(longitude * 1000) / 1000 }),
      () => resolve(null),
      { timeout: 10_000, maximumAge: 300_000 },
    );
  });
}
