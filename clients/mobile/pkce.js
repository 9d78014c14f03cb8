/** Random texts, their hashes and the claims of tokens, as OAuth and OpenID Connect write them. Needs no DOM. */

/** @param {Uint8Array} bytes */
export function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

/** 256 bits that nobody can guess: a `state`, a `nonce`, a code verifier. */
export function randomText() {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

/**
 * The SHA-256 of a text: the S256 challenge of a code verifier (RFC 7636, 4.2), the `ath` of an access token (RFC 9449, 4.2).
 *
 * @param {string} text
 */
export async function hashOf(text) {
  return base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))));
}

/**
 * The claims of a token, unverified: for one that came from the issuer's token endpoint itself.
 *
 * @param {string} token
 * @returns {Record<string, unknown>}
 */
export function claimsOf(token) {
  const payload = (token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
  const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes));
}
