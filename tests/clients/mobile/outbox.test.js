import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { ApiError } from "../../../clients/shared/http.js";
import { MobileApi } from "../../../clients/mobile/api.js";
import { Outbox } from "../../../clients/mobile/outbox.js";
import { MemoryStore } from "./memory.js";

const PEN = { name: "Pen", price: "€10.00", amount: { amount: 1000, currency: "EUR" }, image: null };

/** A basket that carries out each key once, as the shop does, and can lose answers. */
class Shop {
  lines = new Map();
  answers = new Map();
  calls = [];
  price = 1000;
  failures = [];

  async basket() {
    return this.#screen();
  }

  async putItem(sku, quantity, key) {
    return this.#once(key, ["put", sku, quantity], () => this.lines.set(sku, quantity));
  }

  async removeItem(sku, key) {
    return this.#once(key, ["remove", sku], () => this.lines.delete(sku));
  }

  async placeOrder(request, key) {
    return this.#once(key, ["order", request.basket_version], () => this.lines.clear(), { id: `order-${key}`, position: "1" });
  }

  #once(key, call, change, answer) {
    this.calls.push(call);
    const failure = this.failures.shift();
    if (failure === "offline") {
      throw new ApiError({ status: 0 });
    }
    if (failure instanceof ApiError) {
      throw failure;
    }
    if (!this.answers.has(key)) {
      change();
      this.answers.set(key, answer ?? this.#screen());
    }
    if (failure === "lost") {
      throw new ApiError({ status: 0 });
    }
    return this.answers.get(key);
  }

  #screen() {
    const amount = { amount: this.price, currency: "EUR" };
    const lines = [...this.lines].map(([sku, quantity]) => ({ sku, quantity, amount, price: `€${this.price / 100}` }));
    return { lines, total: null, waiting: [] };
  }
}

let shop, store, outbox, keys;

function open() {
  return new Outbox({ store, calls: () => shop, user: () => "reader", newKey: () => `key-${(keys += 1)}`, now: () => 0 });
}

beforeEach(() => {
  shop = new Shop();
  store = new MemoryStore();
  keys = 0;
  outbox = open();
});

test("changes are replayed in the order in which they were made", async () => {
  await outbox.add({ kind: "add", sku: "PEN", quantity: 1 });
  await outbox.add({ kind: "add", sku: "INK", quantity: 2 });
  await outbox.add({ kind: "set", sku: "PEN", quantity: 5 });
  await outbox.add({ kind: "remove", sku: "INK" });

  const { basket, error } = await outbox.replay();

  assert.equal(error, null);
  assert.deepEqual(shop.calls, [["put", "PEN", 1], ["put", "INK", 2], ["put", "PEN", 5], ["remove", "INK"]]);
  assert.deepEqual(basket.lines.map(({ sku, quantity }) => [sku, quantity]), [["PEN", 5]]);
  assert.deepEqual(await outbox.entries(), []);
});

test("a change whose answer was lost is sent again with the same key and quantity, and counts once", async () => {
  shop.lines.set("PEN", 2);
  await outbox.add({ kind: "add", sku: "PEN", quantity: 1 });
  shop.failures.push("lost");

  assert.equal((await outbox.replay()).error.status, 0);
  shop.lines.set("PEN", 7); // another phone, meanwhile
  await open().replay(); // the app was closed and opened

  assert.deepEqual(shop.calls, [["put", "PEN", 3], ["put", "PEN", 3]]);
  assert.equal(shop.answers.size, 1);
  assert.equal(shop.lines.get("PEN"), 7);
});

test("a change is sent again as the same request, though the page was zoomed meanwhile", async () => {
  const urls = [];
  const api = new MobileApi({
    fetch: async (url) => {
      urls.push(url);
      return Response.json({ lines: [] }, { status: urls.length === 1 ? 503 : 200 });
    },
  });
  let dpr = 3;
  outbox = new Outbox({ store, calls: (entry) => api.as(entry.user, entry.dpr), user: () => "reader", dpr: () => dpr });
  await outbox.add({ kind: "set", sku: "PEN", quantity: 1 });
  await outbox.replay();
  dpr = 1.5;

  assert.equal((await outbox.replay()).error, null);

  assert.deepEqual(urls, ["/mobile/basket/items/PEN?dpr=3", "/mobile/basket/items/PEN?dpr=3"]);
});

test("without a network everything stays as it is, in its order", async () => {
  await outbox.add({ kind: "set", sku: "PEN", quantity: 1 });
  await outbox.add({ kind: "set", sku: "INK", quantity: 1 });
  shop.failures.push("offline");

  await outbox.replay();

  assert.equal(shop.calls.length, 1);
  assert.deepEqual((await outbox.entries()).map(({ sku }) => sku), ["PEN", "INK"]);
});

test("further changes of a product take the place of one that was not sent", async () => {
  await outbox.add({ kind: "set", sku: "PEN", quantity: 2 });
  await outbox.add({ kind: "set", sku: "PEN", quantity: 3 });
  await outbox.add({ kind: "add", sku: "PEN", quantity: 1 });

  assert.deepEqual((await outbox.entries()).map(({ kind, quantity }) => [kind, quantity]), [["set", 4]]);
});

test("one that was sent is left alone: its key stands for what was sent", async () => {
  await outbox.add({ kind: "set", sku: "PEN", quantity: 2 });
  shop.failures.push("lost");
  await outbox.replay();

  await outbox.add({ kind: "set", sku: "PEN", quantity: 3 });
  await outbox.replay();

  assert.deepEqual(shop.calls, [["put", "PEN", 2], ["put", "PEN", 2], ["put", "PEN", 3]]);
});

test("what the shop refuses stays with the reason, and what follows goes on", async () => {
  const problem = { type: "urn:frontispiece:problem:article-unknown", title: "Article unknown" };
  shop.failures.push(new ApiError({ status: 422, problem }));
  await outbox.add({ kind: "add", sku: "GONE", quantity: 1 });
  await outbox.add({ kind: "add", sku: "PEN", quantity: 1 });

  await outbox.replay();

  const [left] = await outbox.entries();
  assert.equal(left.refusal.kind, "article-unknown");
  assert.deepEqual([...shop.lines], [["PEN", 1]]);
  await outbox.dismiss(left.id);
  assert.deepEqual(await outbox.entries(), []);
});

test("a price that has changed since the customer saw it stays as a notice", async () => {
  shop.price = 1250;
  await outbox.add({ kind: "add", sku: "PEN", quantity: 1, seen: PEN });

  await outbox.replay();

  const [left] = await outbox.entries();
  assert.match(left.notice, /€12.5 now; it was €10.00/);
  assert.deepEqual((await outbox.replay()).basket, null); // it is not sent again
});

test("an order is placed once after the app was closed, and before what was done later", async () => {
  await outbox.add({ kind: "order", total: "€14.90", request: { basket_version: 4 } });
  await outbox.add({ kind: "add", sku: "INK", quantity: 1 });
  shop.failures.push("lost");
  await outbox.replay();

  const { orders } = await open().replay();

  assert.deepEqual(orders.map(({ id }) => id), ["order-key-1"]);
  assert.deepEqual(shop.calls, [["order", 4], ["order", 4], ["put", "INK", 1]]);
});

for (const status of [401, 408, 425, 426, 429, 500, 503]) {
  test(`an answer of ${status} is no refusal: it is sent again later`, async () => {
    shop.failures.push(new ApiError({ status }));
    await outbox.add({ kind: "set", sku: "PEN", quantity: 1 });

    assert.equal((await outbox.replay()).error.status, status);

    assert.equal((await outbox.entries())[0].refusal, undefined);
  });
}

test("a guest's changes wait for a log-in", async () => {
  outbox.user = () => "";
  await outbox.add({ kind: "add", sku: "PEN", quantity: 1 });

  await outbox.replay();

  assert.deepEqual(shop.calls, []);
});

test("what is added while a replay is under way is sent by it", async () => {
  await outbox.add({ kind: "set", sku: "PEN", quantity: 1 });

  const replay = outbox.replay();
  await outbox.add({ kind: "set", sku: "INK", quantity: 1 });
  outbox.replay();
  await replay;

  assert.deepEqual(await outbox.entries(), []);
});
