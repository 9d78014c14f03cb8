/** Texts of amounts, times and attributes, in the words of an English shop. */

import { formatMoney } from "../shared/money.js";

const LOCALE = "en-IE";

const COUNTRIES = new Intl.DisplayNames(LOCALE, { type: "region" });
const DAY = new Intl.DateTimeFormat(LOCALE, { day: "numeric", month: "long", year: "numeric" });
const MOMENT = new Intl.DateTimeFormat(LOCALE, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const NUMBER = new Intl.NumberFormat(LOCALE);

/** Unit and plain name of an attribute whose name ends with the unit. */
const UNITS = /** @type {const} */ ({
  _mm: "mm",
  _cm: "cm",
  _ml: "ml",
  _g: "g",
  _gsm: "g/m²",
  _kg: "kg",
  _w: "W",
  _k: "K",
  _lm: "lm",
  _m: "m",
});

/** @param {import("./models.js").Money} money */
export function price(money) {
  return formatMoney(money, LOCALE);
}

/** @param {string} at */
export function day(at) {
  return DAY.format(new Date(at));
}

/** @param {string} at */
export function moment(at) {
  return MOMENT.format(new Date(at));
}

/** The time of a moment in its own time zone. @param {string} at */
export function clock(at) {
  return at.slice(11, 16);
}

/** @param {number} metres */
export function kilometres(metres) {
  return `${NUMBER.format(Math.round(metres / 100) / 10)} km`;
}

/** @param {string} code */
export function country(code) {
  return COUNTRIES.of(code) ?? code;
}

/**
 * @param {number} count
 * @param {string} one
 * @param {string} [many]
 */
export function plural(count, one, many = `${one}s`) {
  return `${NUMBER.format(count)} ${count === 1 ? one : many}`;
}

/**
 * Attributes as rows: nested ones become rows of their own, and a unit goes from the name to the value.
 *
 * @param {Record<string, unknown>} attributes
 * @returns {[string, string][]}
 */
export function attributeRows(attributes) {
  return Object.entries(attributes).flatMap(([name, value]) => {
    if (value !== null && typeof value === "object" && !Array.isArray(value)) {
      return attributeRows(/** @type {Record<string, unknown>} */ (value));
    }
    const [unit, text] = Object.entries(UNITS).find(([suffix]) => name.endsWith(suffix)) ?? ["", ""];
    const label = name.slice(0, name.length - unit.length).replaceAll("_", " ");
    return [[capital(label), text ? `${attributeText(value)} ${text}` : attributeText(value)]];
  });
}

/** @param {unknown} value @returns {string} */
function attributeText(value) {
  if (Array.isArray(value)) {
    return value.map(attributeText).join(", ");
  }
  if (typeof value === "boolean") {
    return value ? "yes" : "no";
  }
  return typeof value === "number" ? NUMBER.format(value) : String(value);
}

/** @param {string} text */
function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
