import assert from "node:assert/strict";
import { test } from "node:test";

import { shownBasket } from "../../../clients/mobile/basket.js";

const EUROS = (amount) => ({ amount, currency: "EUR" });
const line = (sku, quantity, amount) => ({
  sku, quantity, name: sku, image: null, price: null, amount: EUROS(amount), total: "from the shop", badges: [], priceWhenAdded: null,
});
const entry = (kind, sku, quantity, more = {}) => ({ id: 1, user: "reader", key: "k", at: 0, kind, sku, quantity, ...more });
const shown = (basket, entries) => shownBasket(basket, entries, "en-IE");

test("without anything that waits, the basket is the shop's, with the shop's total", () => {
  const basket = shown({ lines: [line("PEN", 2, 1000)], total: "€20.00", waiting: [] }, []);

  assert.deepEqual([basket.pieces, basket.total, basket.isEstimate], [2, "€20.00", false]);
});

test("what waits is shown as done, and the total as an estimate", () => {
  const lines = [line("PEN", 2, 1000), line("INK", 1, 500)];
  const seen = { name: "Cap", price: "€1.00", amount: EUROS(100), image: null };
  const waiting = [entry("set", "PEN", 3), entry("remove", "INK"), entry("add", "CAP", 2, { seen })];

  const basket = shown({ lines, total: "€25.00", waiting: [] }, waiting);

  assert.deepEqual(basket.lines.map((each) => [each.sku, each.quantity, each.total]), [["PEN", 3, "€30.00"], ["CAP", 2, "€2.00"]]);
  assert.deepEqual([basket.pieces, basket.total, basket.isEstimate], [5, "€32.00", true]);
});

test("a change that has its target shows that, however often it is sent", () => {
  const basket = shown({ lines: [line("PEN", 3, 1000)], total: "€30.00", waiting: [] }, [entry("add", "PEN", 1, { target: 3 })]);

  assert.equal(basket.lines[0].quantity, 3);
});

test("an order that waits takes what was in the basket before it", () => {
  const seen = { name: "Ink", price: "€5.00", amount: EUROS(500), image: null };
  const waiting = [entry("order"), entry("add", "INK", 1, { seen })];

  const basket = shown({ lines: [line("PEN", 2, 1000)], total: "€20.00", waiting: [] }, waiting);

  assert.deepEqual(basket.lines.map((each) => each.sku), ["INK"]);
});

test("what was refused or is done counts no more", () => {
  const done = [entry("add", "PEN", 1, { refusal: { status: 422 } }), entry("add", "INK", 1, { notice: "dearer" })];

  assert.equal(shown(null, done).pieces, 0);
});

test("without a price there is no total", () => {
  assert.equal(shown(null, [entry("add", "PEN", 1)]).total, null);
});
