/**
 * Proofs that this phone has the key to which its tokens are bound (DPoP, RFC 9449). Needs no DOM.
 *
 * The key can be used here and nowhere else: no script can export it. The phone's clock may be wrong: proofs have the issuer's time.
 *
 * @typedef {Pick<import("./store.js").Store, "addValue">} KeyStore
 * @typedef {{ key: CryptoKey, header: string, thumbprint: string | null }} Signer `header` is the proofs', encoded
 */

import { base64url, hashOf, randomText } from "./pkce.js";

const ECDSA = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const TOLERANCE = 3000; // milliseconds of a difference between two clocks that no recipient refuses

export class Dpop {
  /** @type {Promise<Signer> | null} */
  #signer = null;
  #store;
  #now;
  #offset = 0; // milliseconds by which the issuer's clock is ahead of the phone's
  /** @type {string | undefined} */
  #nonce;

  /**
   * @param {KeyStore} store which has the key
   * @param {() => number} [now]
   */
  constructor(store, now = Date.now) {
    this.#store = store;
    this.#now = now;
  }

  /** The thumbprint of the key (RFC 7638), to which a code is bound; null for a key that is not there any more when the code comes. */
  async thumbprint() {
    return (await this.#opened()).thumbprint;
  }

  /**
   * A proof for one request.
   *
   * @param {string} method
   * @param {URL} url
   * @param {string} [accessToken] that the request has
   */
  async proof(method, { origin, pathname }, accessToken) {
    const { key, header } = await this.#opened();
    const claims = {
      jti: randomText(),
      htm: method,
      htu: origin + pathname,
      iat: Math.floor((this.#now() + this.#offset) / 1000),
      nonce: this.#nonce,
      ath: accessToken && (await hashOf(accessToken)),
    };
    const signed = `${header}.${encoded(claims)}`;
    const signature = await crypto.subtle.sign(ECDSA, key, new TextEncoder().encode(signed));
    return `${signed}.${base64url(new Uint8Array(signature))}`;
  }

  /**
   * Takes the time and the nonce of the issuer's response, which no cache has stored.
   *
   * @param {Response} response
   * @returns {boolean} whether proofs are others from now on, so that one that was refused may be accepted
   */
  learn({ headers }) {
    const date = Date.parse(headers.get("date") ?? "");
    const offset = Number.isNaN(date) ? this.#offset : date - this.#now();
    const nonce = headers.get("dpop-nonce") ?? this.#nonce;
    const isOther = Math.abs(offset - this.#offset) > TOLERANCE || nonce !== this.#nonce;
    this.#offset = offset;
    this.#nonce = nonce;
    return isOther;
  }

  #opened() {
    this.#signer ??= open(this.#store);
    return this.#signer;
  }
}

/** @param {KeyStore} store @returns {Promise<Signer>} */
async function open(store) {
  const made = await crypto.subtle.generateKey(ECDSA, false, ["sign", "verify"]);
  const stored = await store.addValue("dpop", made).catch(unlessCloned);
  const { privateKey, publicKey } = /** @type {CryptoKeyPair} */ (stored ?? made);
  const { crv, kty, x, y } = await crypto.subtle.exportKey("jwk", publicKey);
  const jwk = { crv, kty, x, y }; // in the order of RFC 7638
  const thumbprint = stored ? await hashOf(JSON.stringify(jwk)) : null;
  return { key: privateKey, header: encoded({ typ: "dpop+jwt", alg: "ES256", jwk }), thumbprint };
}

/** No key, where the browser stores none, as Safari in Lockdown Mode: then it lives as long as the page. @param {Error} error */
function unlessCloned(error) {
  if (error.name !== "DataCloneError") {
    throw error;
  }
  return null;
}

/** @param {object} part of a JWT */
const encoded = (part) => base64url(new TextEncoder().encode(JSON.stringify(part)));
