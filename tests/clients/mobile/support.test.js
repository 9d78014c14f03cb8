import assert from "node:assert/strict";
import { test } from "node:test";

import { isBelow } from "../../../clients/mobile/support.js";

test("versions are compared part by part, as numbers", () => {
  const below = [["1.1.0", "1.2.0"], ["1.9.0", "1.10.0"], ["1.1.9", "2.0.0"], ["1.1.0", "1.1.1"]];
  for (const [lower, higher] of below) {
    assert.deepEqual([isBelow(lower, higher), isBelow(higher, lower)], [true, false], `${lower} ${higher}`);
  }
  assert.equal(isBelow("1.1.0", "1.1.0"), false);
});
