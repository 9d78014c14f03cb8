import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { newAttempt } from "../../../clients/mobile/code-flow.js";
import { Dpop } from "../../../clients/mobile/dpop.js";
import { Issuer } from "../../../clients/mobile/issuer.js";
import { claimsOf, hashOf } from "../../../clients/mobile/pkce.js";
import { MemoryStore } from "./memory.js";

const NOW = Date.parse("2026-11-30T09:00:00Z");
const SHOP = "https://shop.example";
const HOME = new URL("/mobile/home?dpr=3", SHOP);

let store;

beforeEach(() => {
  store = new MemoryStore();
});

const bytes = (text) => Buffer.from(text, "base64url");

/** The header and the claims of a proof, whose signature is verified. */
async function opened(proof) {
  const [header, claims, signature] = proof.split(".");
  const { typ, alg, jwk } = JSON.parse(bytes(header));
  const key = await crypto.subtle.importKey("jwk", jwk, { name: "ECDSA", namedCurve: "P-256" }, false, ["verify"]);
  const signed = new TextEncoder().encode(`${header}.${claims}`);
  assert.ok(await crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, key, bytes(signature), signed));
  return { typ, alg, jwk, ...claimsOf(proof) };
}

/** An issuer that accepts proofs of its time and with its nonce, and the claims of the proofs that it got. */
function issuerOf(dpop, { nonce } = {}) {
  const proofs = [];
  const fetch = async (url, { headers }) => {
    const proof = await opened(headers.dpop);
    proofs.push(proof);
    const isAccepted = Math.abs(proof.iat - NOW / 1000) < 5 && proof.nonce === nonce;
    const said = { date: new Date(NOW).toUTCString(), ...(nonce && !isAccepted && { "dpop-nonce": nonce }) };
    return new Response("{}", { status: isAccepted ? 200 : 400, headers: said });
  };
  return { issuer: new Issuer(SHOP, fetch, dpop), proofs };
}

test("a proof is for one request and one token, and has the public key alone", async () => {
  const dpop = new Dpop(store, () => NOW + 999);

  const { jti, jwk, ...proof } = await opened(await dpop.proof("GET", HOME, "a-token"));
  const other = await opened(await dpop.proof("POST", new URL("/identity/token", SHOP)));

  assert.deepEqual(proof, { typ: "dpop+jwt", alg: "ES256", htm: "GET", htu: `${SHOP}/mobile/home`, iat: NOW / 1000, ath: await hashOf("a-token") });
  assert.deepEqual([other.htm, other.htu, "ath" in other], ["POST", `${SHOP}/identity/token`, false]);
  assert.notEqual(jti, other.jti);
  assert.deepEqual(Object.keys(jwk), ["crv", "kty", "x", "y"]);
});

test("the key is made once, for all tabs and after a reload, and cannot be exported", async () => {
  const tabs = [new Dpop(store), new Dpop(store)];

  const proofs = await Promise.all(tabs.map(async (dpop) => opened(await dpop.proof("GET", HOME))));

  assert.deepEqual(proofs[0].jwk, proofs[1].jwk);
  assert.equal(await tabs[0].thumbprint(), await hashOf(JSON.stringify(proofs[0].jwk)));
  assert.equal((await store.value("dpop")).privateKey.extractable, false);
});

for (const [clock, ahead] of [["ahead", 3_600_000], ["behind", -90_000]]) {
  test(`a phone whose clock is ${clock} takes the issuer's time`, async () => {
    const dpop = new Dpop(store, () => NOW + ahead);
    const { issuer, proofs } = issuerOf(dpop);

    assert.equal((await issuer.token({})).status, 200);
    assert.equal((await issuer.token({})).status, 200);

    assert.deepEqual(proofs.map(({ iat }) => iat - NOW / 1000), [ahead / 1000, 0, 0]);
    assert.equal((await opened(await dpop.proof("GET", HOME, "a-token"))).iat, NOW / 1000);
  });
}

test("a nonce that the issuer demands is in the proofs from then on, and what is refused otherwise is sent once", async () => {
  const { issuer, proofs } = issuerOf(new Dpop(store, () => NOW), { nonce: "n1" });
  assert.equal((await issuer.token({})).status, 200);
  assert.equal((await issuer.token({})).status, 200);
  assert.deepEqual(proofs.map(({ nonce }) => nonce), [undefined, "n1", "n1"]);

  const sent = [];
  const refusing = async () => new Response("{}", { status: sent.push(1) && 400, headers: { date: new Date(NOW).toUTCString() } });
  assert.equal((await new Issuer(SHOP, refusing, new Dpop(store, () => NOW)).token({})).status, 400);
  assert.equal(sent.length, 1);
});

test("a code is bound to the key, unless the browser stores none: then the key is the page's", async () => {
  const dpop = new Dpop(store);
  const bound = new URL(await new Issuer(SHOP, fetch, dpop).authorizeUrl(newAttempt("")));
  assert.equal(bound.searchParams.get("dpop_jkt"), await dpop.thumbprint());

  const keyless = { addValue: async () => structuredClone(() => undefined) }; // which is a DataCloneError
  const other = new Dpop(keyless);
  const free = new URL(await new Issuer(SHOP, fetch, other).authorizeUrl(newAttempt("")));
  const proofs = [await opened(await other.proof("GET", HOME)), await opened(await other.proof("GET", HOME))];
  assert.equal(free.searchParams.has("dpop_jkt"), false);
  assert.deepEqual(proofs[0].jwk, proofs[1].jwk);

  const broken = { addValue: async () => { throw new DOMException("full", "QuotaExceededError"); } };
  await assert.rejects(new Dpop(broken).proof("GET", HOME), { name: "QuotaExceededError" });
});
