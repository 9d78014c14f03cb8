/**
 * What a customer has filled in at the checkout: it survives a login in between, in this tab alone.
 *
 * @typedef {import("./models.js").Address} Address
 * @typedef {import("../shared/place-field.js").Near} Near
 * @typedef {{ address: Address, coupon: string, method: string, near: Near | null, payment: string }} Filled
 */

import { BLANK as NO_ADDRESS } from "../shared/address.js";

const STORED = "shop.checkout";

/** @type {Filled} */
const BLANK = {
  address: NO_ADDRESS,
  coupon: "",
  method: "standard",
  near: null,
  payment: "tok_visa",
};

/** @returns {Filled} */
export function storedForm() {
  const stored = sessionStorage.getItem(STORED);
  return stored ? { ...BLANK, .../** @type {Filled} */ (JSON.parse(stored)) } : BLANK;
}

/** @param {Filled} filled */
export function storeForm(filled) {
  sessionStorage.setItem(STORED, JSON.stringify(filled));
}

/** The order is placed: only the address stays. */
export function clearForm() {
  const { address } = storedForm();
  storeForm({ ...BLANK, address });
}

/**
 * One key for one order: the same request has the same key however often it is sent, another request another.
 *
 * @returns {(request: unknown) => string}
 */
export function idempotencyKeys() {
  let text = "";
  let key = "";
  return (request) => {
    const next = JSON.stringify(request);
    if (next !== text) {
      text = next;
      key = crypto.randomUUID();
    }
    return key;
  };
}
