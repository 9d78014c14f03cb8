import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { ApiError } from "../../../clients/shared/http.js";
import { MobileApi } from "../../../clients/mobile/api.js";
import { Auth } from "../../../clients/mobile/auth.js";
import { LoginError } from "../../../clients/mobile/code-flow.js";
import { Dpop } from "../../../clients/mobile/dpop.js";
import { Outbox } from "../../../clients/mobile/outbox.js";
import { claimsOf, hashOf } from "../../../clients/mobile/pkce.js";
import { Issuer, ORIGIN, jwt } from "./issuer.js";
import { MemoryStore } from "./memory.js";

class Memory {
  items = new Map();
  getItem = (name) => this.items.get(name) ?? null;
  setItem = (name, value) => void this.items.set(name, value);
  removeItem = (name) => void this.items.delete(name);
}

let issuer, memory, attempts, store, now;

/** The access token of the calls that a user makes. */
async function access(auth, user) {
  const { authorization, dpop } = await auth.authorization("GET", "/mobile/home", user);
  assert.equal(typeof dpop, typeof authorization);
  return authorization?.replace("DPoP ", "") ?? null;
}

const open = () => new Auth({ origin: ORIGIN, memory, attempts, dpop: new Dpop(store), fetch: issuer.fetch, now: () => now });

async function loggedIn() {
  const auth = open();
  const url = await auth.loginUrl("/m/basket");
  assert.equal(await auth.complete(new URL(issuer.redirect(new URL(url).searchParams))), "/m/basket");
  return auth;
}

beforeEach(() => {
  issuer = new Issuer();
  memory = new Memory();
  attempts = new Memory();
  store = new MemoryStore();
  now = 0;
});

test("a login gives tokens, of which nothing is stored", async () => {
  const auth = await loggedIn();

  assert.equal(await access(auth), "access-r1");
  assert.deepEqual(auth.user, { sub: "reader", name: "A Reader" });
  assert.deepEqual([...memory.items.values(), ...attempts.items.values()].filter((value) => /access|r1|code/.test(value)), []);
});

test("an access token that is about to expire is renewed once, however many calls need it", async () => {
  const auth = await loggedIn();
  now = 280_000;

  const tokens = await Promise.all([access(auth), access(auth), access(auth)]);

  assert.deepEqual(tokens, ["access-r2", "access-r2", "access-r2"]);
  assert.deepEqual(issuer.requests, ["/token", "/token"]);
});

test("after a reload tokens come silently, for who had been logged in and for nobody else", async () => {
  assert.equal(await access(open()), null);
  assert.deepEqual(issuer.requests, []);

  await loggedIn();
  assert.equal(await access(open()), "access-r2");
});

test("when the issuer wants the user to log in, it is asked once, and the user stays known", async () => {
  await loggedIn();
  issuer.user = null;
  const auth = open();

  assert.equal(await access(auth), null);
  assert.equal(await access(auth), null);

  assert.equal(issuer.requests.filter((path) => path === "/authorize").length, 1);
  assert.equal(auth.user.sub, "reader");
});

test("a token that the issuer has not bound to the key is sent as a bearer token, without a proof", async () => {
  issuer.type = "Bearer";
  const auth = await loggedIn();

  assert.deepEqual(await auth.authorization("GET", "/mobile/home"), { authorization: "Bearer access-r1" });
});

test("a refresh token that is refused leads to a silent login", async () => {
  const auth = await loggedIn();
  issuer.refresh = "r9";

  assert.equal(await auth.renew(), true);

  assert.equal(await access(auth), "access-r10");
});

/** The outbox of the reader, with a shop that carries out what comes with a token; and the tokens that it has seen. */
async function outboxOf(auth) {
  const seen = [];
  const fetch = async (path, { headers }) => {
    seen.push(headers.authorization ?? null);
    return Response.json({ lines: [], total: null, waiting: [] }, { status: headers.authorization ? 200 : 401 });
  };
  const api = new MobileApi({ fetch, authorize: (...call) => auth.authorization(...call), renew: () => auth.renew() });
  const outbox = new Outbox({ store: new MemoryStore(), calls: ({ user }) => api.as(user), user: () => "reader" });
  await outbox.add({ kind: "set", sku: "PEN", quantity: 1 });
  return { outbox, seen };
}

test("a silent login as somebody else sends nothing of the former user", async () => {
  await loggedIn();
  issuer.user = "shopper";
  const auth = open();
  const { outbox, seen } = await outboxOf(auth);

  const { error } = await outbox.replay();

  assert.equal(error.status, 401);
  assert.deepEqual(seen.filter((token) => token !== null), []);
  assert.deepEqual((await outbox.entries()).map(({ sku, refusal }) => [sku, refusal]), [["PEN", undefined]]);
  assert.equal(auth.user.sub, "reader");
});

test("a refresh that gives somebody else's tokens is not accepted", async () => {
  const auth = await loggedIn();
  issuer.user = "shopper";
  now = 280_000;

  assert.equal(await access(auth, "reader"), null);

  assert.equal(auth.user.sub, "reader");
});

test("what waits of one user is sent with no other user's token, wherever that one has logged in", async () => {
  const auth = await loggedIn();
  const { outbox, seen } = await outboxOf(auth);
  issuer.user = "shopper";
  const url = await auth.loginUrl("/m/");
  await auth.complete(new URL(issuer.redirect(new URL(url).searchParams)));

  assert.equal((await outbox.replay()).error.status, 401);

  assert.deepEqual(seen, []);
  assert.equal((await outbox.entries()).length, 1);
  await assert.rejects(access(auth, "reader"), { status: 401 });
  assert.equal(await access(auth, "shopper"), "access-r3");
  assert.equal(await access(auth, ""), null);
});

test("a response with another state, issuer, nonce or audience is refused", async () => {
  const auth = open();
  for (const [name, value] of [["state", "x"], ["iss", "https://evil.example"]]) {
    const url = new URL(issuer.redirect(new URL(await auth.loginUrl("/m/")).searchParams));
    url.searchParams.set(name, value);
    await assert.rejects(auth.complete(url), LoginError);
  }
  for (const claims of [{ nonce: "x" }, { aud: "web" }, { iss: "https://evil.example" }]) {
    issuer.claims = claims;
    const url = new URL(issuer.redirect(new URL(await auth.loginUrl("/m/")).searchParams));
    await assert.rejects(auth.complete(url), LoginError);
  }
  assert.equal(auth.user, null);
});

test("a response to no login of this browser is refused", async () => {
  await assert.rejects(open().complete(new URL(`${ORIGIN}/m/callback?code=c&state=s`)), { code: "no_attempt" });
});

test("a log-out revokes the tokens and ends the session, and a refresh that was under way gives nothing", async () => {
  const auth = await loggedIn();
  const sent = new Promise((resolve) => void (issuer.onToken = resolve));
  const renewal = auth.renew();
  await sent;

  await auth.logOut();

  assert.equal(await renewal, false);
  assert.equal(auth.user, null);
  assert.equal(await access(auth), null);
  assert.deepEqual(issuer.requests.slice(-2), ["/revoke", "/logout"]);
});

for (const isReloaded of [false, true]) {
  test(`a log-out without a network ends the login at the issuer when there is one${isReloaded ? ", after a reload, too" : ""}`, async () => {
    const before = await loggedIn();
    const auth = isReloaded ? open() : before;
    issuer.reachable = false;
    now = 1000;
    await assert.rejects(auth.logOut(), ApiError);
    assert.equal(auth.user, null);
    assert.match(await auth.loginUrl("/m/"), /prompt=login/);
    await assert.rejects(open().endPending(), ApiError);
    issuer.reachable = true;

    await open().endPending();

    assert.deepEqual(issuer.requests.slice(-4), ["/authorize", "/token", "/revoke", "/logout"]);
    assert.doesNotMatch(await auth.loginUrl("/m/"), /prompt/);
    assert.equal([...memory.items.values()].join(), "");
  });
}

test("a login that came after the log-out is not ended, and somebody else's neither", async () => {
  for (const [user, time] of [["reader", 2], ["shopper", 0]]) {
    issuer = new Issuer();
    const auth = await loggedIn();
    issuer.reachable = false;
    now = 1000;
    await assert.rejects(auth.logOut(), ApiError);
    Object.assign(issuer, { reachable: true, user, time });

    await auth.endPending();

    assert.deepEqual(issuer.requests.slice(-3), ["/authorize", "/token", "/revoke"]);
    assert.equal(auth.user, null);
  }
});

test("a login takes the place of the one that was to be ended", async () => {
  const auth = await loggedIn();
  issuer.reachable = false;
  await assert.rejects(auth.logOut(), ApiError);
  issuer.reachable = true;
  await loggedIn();
  const sent = issuer.requests.length;

  await open().endPending();

  assert.equal(issuer.requests.length, sent);
});

test("without a network the user stays who it is", async () => {
  const auth = await loggedIn();
  issuer.reachable = false;
  now = 400_000;

  await assert.rejects(access(auth), ApiError);

  assert.equal(auth.user.sub, "reader");
});

test("a challenge is that of RFC 7636, and claims are read as UTF-8", async () => {
  const challenge = await hashOf("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
  assert.equal(challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
  assert.equal(claimsOf(jwt({ name: "Zoë" })).name, "Zoë");
});
