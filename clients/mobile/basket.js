/**
 * The basket as the customer expects it: the shop's, with what still waits to be sent. Needs no DOM.
 *
 * @typedef {import("./models.js").Basket} Basket
 * @typedef {import("./models.js").BasketLine} BasketLine
 * @typedef {import("./models.js").Money} Money
 * @typedef {import("./outbox.js").Entry} Entry
 * @typedef {BasketLine & { isWaiting: boolean }} Line
 * @typedef {{ lines: Line[], pieces: number, total: string | null, isEstimate: boolean }} ShownBasket
 */

import { formatMoney } from "../shared/money.js";

/** The most pieces of a product that a basket holds. */
export const MAX_QUANTITY = 99;

/**
 * @param {Basket | null} basket the shop's, as it was last seen
 * @param {Entry[]} entries
 * @param {string} [language]
 * @returns {ShownBasket} `isEstimate` while the total is worked out here and not by the shop
 */
export function shownBasket(basket, entries, language) {
  /** @type {Map<string, Line>} */
  let lines = new Map((basket?.lines ?? []).map((line) => [line.sku, { ...line, isWaiting: false }]));
  const waiting = entries.filter((entry) => !entry.refusal && entry.notice === undefined);
  for (const entry of waiting) {
    if (entry.kind === "order") {
      lines = new Map(); // it takes all that is in the basket by then
      continue;
    }
    const sku = entry.sku ?? "";
    const line = lines.get(sku) ?? emptyLine(sku, entry);
    const quantity = entry.kind === "add" ? line.quantity + (entry.quantity ?? 0) : (entry.quantity ?? 0);
    if (entry.kind === "remove") {
      lines.delete(sku);
    } else {
      const isOther = entry.target === undefined || entry.target !== line.quantity;
      const shown = isOther ? (entry.target ?? quantity) : line.quantity;
      lines.set(sku, { ...line, quantity: shown, total: totalOf(line.amount, shown, language), isWaiting: true });
    }
  }
  const all = [...lines.values()];
  const isEstimate = waiting.length > 0;
  return {
    lines: all,
    pieces: all.reduce((sum, line) => sum + line.quantity, 0),
    total: isEstimate ? sumOf(all, language) : (basket?.total ?? null),
    isEstimate: isEstimate && all.length > 0,
  };
}

/**
 * @param {string} sku
 * @param {Entry} entry
 * @returns {Line}
 */
function emptyLine(sku, entry) {
  const { name = null, price = null, amount = null, image = null } = entry.seen ?? {};
  return { sku, quantity: 0, name, price, amount, image, total: null, badges: [], priceWhenAdded: null, isWaiting: true };
}

/**
 * @param {Money | null} amount
 * @param {number} quantity
 * @param {string} [language]
 */
function totalOf(amount, quantity, language) {
  return amount ? formatMoney({ amount: amount.amount * quantity, currency: amount.currency }, language) : null;
}

/**
 * @param {Line[]} lines
 * @param {string} [language]
 */
function sumOf(lines, language) {
  const currency = lines[0]?.amount?.currency;
  let amount = 0;
  for (const line of lines) {
    if (!line.amount || line.amount.currency !== currency) {
      return null;
    }
    amount += line.amount.amount * line.quantity;
  }
  return currency ? formatMoney({ amount, currency }, language) : null;
}
