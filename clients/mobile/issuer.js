/** The requests of OpenID Connect that this client makes of the shop's identity service. Needs no DOM. */

import { ApiError } from "../shared/http.js";
import { hashOf } from "./pkce.js";

export const CLIENT = "mobile-web";
const SCOPE = "openid profile offline_access shop";

/** @typedef {import("./code-flow.js").Attempt} Attempt */

export class Issuer {
  #fetch;
  #dpop;

  /**
   * @param {string} origin of the shop, which is the app's, too
   * @param {typeof globalThis.fetch} fetch
   * @param {import("./dpop.js").Dpop} dpop
   */
  constructor(origin, fetch, dpop) {
    this.#fetch = fetch;
    this.#dpop = dpop;
    this.url = `${origin}/identity`;
    this.redirectUri = `${origin}/m/callback`;
  }

  /**
   * @param {Attempt} attempt
   * @param {Record<string, string>} [more]
   */
  async authorizeUrl(attempt, more = {}) {
    const thumbprint = await this.#dpop.thumbprint();
    const parameters = new URLSearchParams({
      response_type: "code",
      client_id: CLIENT,
      redirect_uri: this.redirectUri,
      scope: SCOPE,
      state: attempt.state,
      nonce: attempt.nonce,
      code_challenge: await hashOf(attempt.verifier),
      code_challenge_method: "S256",
      ...(thumbprint && { dpop_jkt: thumbprint }),
      ...more,
    });
    return `${this.url}/authorize?${parameters}`;
  }

  /**
   * Asks without a page: the issuer redirects at once, and the URL at the end has the code or the error.
   *
   * @param {Attempt} attempt
   */
  async authorizeSilently(attempt) {
    const url = await this.authorizeUrl(attempt, { prompt: "none" });
    const response = await this.#fetched(url, { credentials: "same-origin" });
    await response.arrayBuffer(); // the page at the end says nothing, its URL does
    if (!response.ok) {
      throw new ApiError({ status: response.status });
    }
    return new URL(response.url);
  }

  /**
   * Requests tokens that are bound to the phone's key: once more when the issuer's time or nonce is not what the proof had.
   *
   * @param {Record<string, string>} fields
   */
  async token(fields) {
    const url = new URL(`${this.url}/token`);
    const send = async () => this.#post("/token", { client_id: CLIENT, ...fields }, { dpop: await this.#dpop.proof("POST", url) });
    const response = await send();
    return this.#dpop.learn(response) && response.status === 400 ? send() : response;
  }

  /** @param {string} refreshToken */
  revoke(refreshToken) {
    return this.#post("/revoke", { client_id: CLIENT, token: refreshToken, token_type_hint: "refresh_token" });
  }

  /** @param {string} idToken */
  endSession(idToken) {
    return this.#post("/logout", { client_id: CLIENT, id_token_hint: idToken });
  }

  /**
   * @param {string} path
   * @param {Record<string, string>} fields
   * @param {Record<string, string>} [headers]
   */
  #post(path, fields, headers) {
    const body = new URLSearchParams(fields);
    return this.#fetched(this.url + path, { method: "POST", body, headers, credentials: "same-origin" });
  }

  /**
   * @param {string} url
   * @param {RequestInit} init
   */
  async #fetched(url, init) {
    const fetch = this.#fetch;
    try {
      return await fetch(url, init);
    } catch (cause) {
      throw new ApiError({ status: 0, problem: { title: "No answer" }, cause });
    }
  }
}
