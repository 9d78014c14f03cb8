/**
 * Who is logged in: OpenID Connect's code flow with PKCE, and tokens that live in this object alone.
 *
 * What survives a reload is only that somebody was logged in, and who (`memory`): a silent log-in then gets new tokens.
 * What survives the way to the login page and back is the attempt (`attempts`): state, nonce and code verifier.
 *
 * @typedef {{ sub: string, name: string }} User
 * @typedef {{ access: string, refresh: string | null, id: string, expiresAt: number }} Tokens
 * @typedef {{ state: string, nonce: string, verifier: string, returnTo: string }} Attempt
 */

import { ApiError } from "../shared/http.js";
import { CLIENT, Issuer } from "./issuer.js";
import { claimsOf, randomText } from "./pkce.js";

const USER = "user";
const ATTEMPT = "login";
const MARGIN = 30_000; // a token that expires sooner than this many milliseconds is renewed first

/** The login did not succeed; `code` is OAuth's name for why. */
export class LoginError extends Error {
  /** @param {string} code @param {string} [message] */
  constructor(code, message) {
    super(message ?? code);
    this.name = "LoginError";
    this.code = code;
  }
}

export class Auth {
  /** @type {Tokens | null} */
  #tokens = null;
  /** @type {Promise<boolean> | null} */
  #renewal = null;
  #issuer;
  #memory;
  #attempts;
  #now;
  #generation = 0;
  #isRefused = false; // the issuer wants the user to log in

  /**
   * @param {{
   *   origin: string,
   *   memory: Pick<Storage, "getItem" | "setItem" | "removeItem">,
   *   attempts: Pick<Storage, "getItem" | "setItem" | "removeItem">,
   *   fetch?: typeof globalThis.fetch,
   *   now?: () => number,
   *   onChange?: (user: User | null) => void,
   * }} settings
   */
  constructor({ origin, memory, attempts, fetch = globalThis.fetch, now = Date.now, onChange = () => {} }) {
    this.#issuer = new Issuer(origin, fetch);
    this.#memory = memory;
    this.#attempts = attempts;
    this.#now = now;
    this.onChange = onChange;
  }

  /**
   * Who has logged in and not out; without tokens after a reload, until they are needed.
   *
   * @returns {User | null}
   */
  get user() {
    const stored = this.#memory.getItem(USER);
    return stored ? JSON.parse(stored) : null;
  }

  /** The access token of who is logged in: renewed when it is about to expire, and silently got after a reload. */
  async token() {
    const isStale = this.#tokens === null || this.#tokens.expiresAt - this.#now() < MARGIN;
    if (this.user !== null && isStale && !this.#isRefused) {
      await this.renew();
    }
    return this.#tokens?.access ?? null;
  }

  /**
   * Other tokens in place of the present ones: by the refresh token, or else silently. One renewal at a time.
   *
   * @returns {Promise<boolean>} whether there are any
   */
  renew() {
    this.#renewal ??= this.#renew().finally(() => {
      this.#renewal = null;
    });
    return this.#renewal;
  }

  /**
   * The URL of the login page; the browser comes back to `/m/callback`.
   *
   * @param {string} returnTo the path of this app that is shown then
   */
  async loginUrl(returnTo) {
    const attempt = newAttempt(returnTo);
    this.#attempts.setItem(ATTEMPT, JSON.stringify(attempt));
    return this.#issuer.authorizeUrl(attempt);
  }

  /**
   * Completes a login with the URL at which the browser came back.
   *
   * @param {URL} url
   * @returns {Promise<string>} the path that is to be shown
   */
  async complete(url) {
    const stored = this.#attempts.getItem(ATTEMPT);
    this.#attempts.removeItem(ATTEMPT);
    if (!stored) {
      throw new LoginError("no_attempt", "No login was begun here.");
    }
    const attempt = /** @type {Attempt} */ (JSON.parse(stored));
    await this.#redeem(url, attempt);
    return attempt.returnTo;
  }

  /** Ends the login here, and then at the issuer, which may not be reached: then an `ApiError` says so. */
  async logOut() {
    const failure = await this.token().then(() => null, (error) => error); // a login that was only known has tokens to end
    const tokens = this.#tokens;
    this.#forget();
    if (failure) {
      throw failure;
    }
    if (tokens?.refresh) {
      await this.#issuer.revoke(tokens.refresh);
    }
    if (tokens) {
      await this.#issuer.endSession(tokens.id);
    }
  }

  /** Drops the tokens and the user, as when another tab has logged out. */
  drop() {
    this.#forget();
  }

  async #renew() {
    const generation = this.#generation;
    const refresh = this.#tokens?.refresh;
    if (refresh) {
      const response = await this.#issuer.token({ grant_type: "refresh_token", refresh_token: refresh });
      if (response.ok) {
        return this.#accept(await response.json(), generation);
      }
      if (response.status !== 400) {
        throw new ApiError({ status: response.status });
      }
    }
    if (generation !== this.#generation) {
      return false;
    }
    this.#tokens = null;
    return this.user !== null && this.#silently();
  }

  /** A login without a page: the issuer redirects at once, and the URL at the end has the code or the error. */
  async #silently() {
    const attempt = newAttempt("");
    try {
      await this.#redeem(await this.#issuer.authorizeSilently(attempt), attempt);
      return true;
    } catch (error) {
      if (error instanceof LoginError) {
        this.#isRefused = true;
        return false;
      }
      throw error;
    }
  }

  /**
   * @param {URL} url
   * @param {Attempt} attempt
   */
  async #redeem(url, attempt) {
    const generation = this.#generation;
    const parameters = url.searchParams;
    if (parameters.get("state") !== attempt.state || parameters.get("iss") !== this.#issuer.url) {
      throw new LoginError("foreign_response", "The response is not to this login.");
    }
    const code = parameters.get("code");
    if (!code) {
      throw new LoginError(parameters.get("error") ?? "no_code", parameters.get("error_description") ?? undefined);
    }
    const response = await this.#issuer.token({
      grant_type: "authorization_code",
      redirect_uri: this.#issuer.redirectUri,
      code_verifier: attempt.verifier,
      code,
    });
    if (!response.ok) {
      throw response.status === 400 ? new LoginError("invalid_grant") : new ApiError({ status: response.status });
    }
    const issued = await response.json();
    this.#checkIdToken(issued.id_token, attempt.nonce);
    this.#accept(issued, generation);
  }

  /**
   * @param {string} token
   * @param {string} nonce
   */
  #checkIdToken(token, nonce) {
    const claims = claimsOf(token);
    const audience = [claims.aud].flat();
    if (claims.iss !== this.#issuer.url || !audience.includes(CLIENT) || claims.nonce !== nonce) {
      throw new LoginError("foreign_token", "The ID token is not of this login.");
    }
  }

  /**
   * @param {{ access_token: string, refresh_token?: string, id_token?: string, expires_in: number }} issued
   * @param {number} generation that of when they were requested: a log-out meanwhile makes them useless
   */
  #accept(issued, generation) {
    if (generation !== this.#generation) {
      return false;
    }
    const id = issued.id_token ?? this.#tokens?.id ?? "";
    this.#isRefused = false;
    this.#tokens = {
      access: issued.access_token,
      refresh: issued.refresh_token ?? this.#tokens?.refresh ?? null,
      id,
      expiresAt: this.#now() + issued.expires_in * 1000,
    };
    const claims = claimsOf(id);
    const user = { sub: String(claims.sub), name: String(claims.name ?? claims.sub) };
    const before = this.user;
    this.#memory.setItem(USER, JSON.stringify(user));
    if (before?.sub !== user.sub || before.name !== user.name) {
      this.onChange(user);
    }
    return true;
  }

  #forget() {
    this.#generation += 1;
    this.#tokens = null;
    this.#memory.removeItem(USER);
    this.onChange(null);
  }
}

/** @param {string} returnTo @returns {Attempt} */
const newAttempt = (returnTo) => ({ state: randomText(), nonce: randomText(), verifier: randomText(), returnTo });
