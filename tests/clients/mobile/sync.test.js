import assert from "node:assert/strict";
import { test } from "node:test";

import { ApiError } from "../../../clients/shared/http.js";
import { searchCatalogue, syncCatalogue } from "../../../clients/mobile/sync.js";
import { MemoryStore } from "./memory.js";

const card = (sku, name = sku) => ({ sku, name });
const page = (cursor, upserts, { deleted = [], more = false } = {}) => ({ cursor, upserts, deleted, more });

function shopOf(pages) {
  const asked = [];
  return {
    asked,
    sync: async (cursor) => {
      asked.push(cursor);
      const next = pages.shift();
      if (next instanceof Error) {
        throw next;
      }
      return next;
    },
  };
}

test("the catalogue comes page by page, and then only what has changed", async () => {
  const store = new MemoryStore();
  const shop = shopOf([
    page("a", [card("PEN"), card("INK")], { more: true }),
    page("b", [card("CAP")]),
    page("c", [card("PEN", "Finer PEN")], { deleted: ["INK"] }),
  ]);

  await syncCatalogue(store, shop);
  await syncCatalogue(store, shop);

  assert.deepEqual(shop.asked, [null, "a", "b"]);
  assert.deepEqual([...store.catalogue.values()], [card("PEN", "Finer PEN"), card("CAP")]);
  assert.equal(await store.value("cursor"), "c");
});

test("a page that does not arrive is asked for again, from the last one that did", async () => {
  const store = new MemoryStore();
  const shop = shopOf([page("a", [card("PEN")], { more: true }), new ApiError({ status: 0 }), page("b", [card("INK")])]);

  await assert.rejects(syncCatalogue(store, shop), ApiError);
  await syncCatalogue(store, shop);

  assert.deepEqual(shop.asked, [null, "a", "a"]);
  assert.equal(store.catalogue.size, 2);
});

test("a cursor that the shop no longer knows begins the catalogue anew", async () => {
  const store = new MemoryStore();
  await store.applyChanges(page("old", [card("GONE")]), true);
  const shop = shopOf([new ApiError({ status: 410 }), page("new", [card("PEN")])]);

  await syncCatalogue(store, shop);

  assert.deepEqual([...store.catalogue.keys()], ["PEN"]);
  assert.deepEqual(shop.asked, ["old", null]);
});

test("search finds all words in any order, whatever their accents, and what begins with them first", () => {
  const cards = [card("1", "Blue Épure Pen"), card("2", "Pen of Epure"), card("3", "Pencil")];

  assert.deepEqual(searchCatalogue(cards, "pen epure").map(({ sku }) => sku), ["2", "1"]);
  assert.equal(searchCatalogue(cards, "").length, 3);
});
