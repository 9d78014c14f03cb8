import assert from "node:assert/strict";
import { test } from "node:test";

test("a logout at an issuer that has no logout page ends on the shop's own", async () => {
  const places = [];
  const storage = { getItem: () => null };
  const fetch = async () => Response.json({ logout_url: null });
  const location = { assign: (/** @type {string} */ place) => places.push(place) };
  Object.assign(globalThis, { fetch, location, localStorage: storage, sessionStorage: storage, addEventListener: () => {} });
  const { Session } = await import("../../../clients/web/session.js");

  await new Session().logOut();

  assert.deepEqual(places, ["/"]);
});
