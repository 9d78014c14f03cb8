/**
 * Who is logged in: OpenID Connect's code flow with PKCE, and tokens that live in this object alone.
 *
 * What survives a reload is only that somebody was logged in, and who (`memory`): a silent log-in then gets new tokens.
 * What survives the way to the login page and back is the attempt (`attempts`): state, nonce and code verifier.
 *
 * @typedef {{ sub: string, name: string }} User
 * @typedef {{ sub: string, access: string, refresh: string | null, id: string, expiresAt: number }} Tokens
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

  /**
   * The access token of a user: renewed when it is about to expire, and silently got after a reload.
   *
   * @param {string} [sub] on whose behalf the call is; empty for a guest
   * @returns {Promise<string | null>} null for a guest, and when the issuer wants the user to log in
   * @throws {ApiError} 401 when somebody else is logged in
   */
  async token(sub = this.user?.sub ?? "") {
    if (!sub) {
      return null;
    }
    const isStale = this.#tokens === null || this.#tokens.expiresAt - this.#now() < MARGIN;
    if (this.user?.sub === sub && isStale && !this.#isRefused) {
      await this.renew();
    }
    const owner = this.#tokens?.sub ?? this.user?.sub;
    if (owner !== sub) {
      throw new ApiError({ status: 401, problem: { title: "Somebody else is logged in" } });
    }
    return this.#tokens?.access ?? null;
  }

  /**
   * Other tokens of the same user in place of the present ones: by the refresh token, or else silently. One renewal at a time.
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
    await this.#redeem(url, attempt, null);
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
    const user = this.user;
    const refresh = this.#tokens?.refresh;
    if (refresh) {
      const response = await this.#issuer.token({ grant_type: "refresh_token", refresh_token: refresh });
      if (response.ok) {
        return this.#accept(await response.json(), generation, this.#tokens?.sub ?? null);
      }
      if (response.status !== 400) {
        throw new ApiError({ status: response.status });
      }
    }
    if (generation !== this.#generation) {
      return false;
    }
    this.#tokens = null;
    return user !== null && this.#silently(user.sub);
  }

  /**
   * A login of the same user without a page: the issuer redirects at once, and the URL at the end has the code or the error.
   *
   * @param {string} sub
   */
  async #silently(sub) {
    const attempt = newAttempt("");
    try {
      return await this.#redeem(await this.#issuer.authorizeSilently(attempt), attempt, sub);
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
   * @param {string | null} expected who has to be the one who is logged in; null for whoever it is
   */
  async #redeem(url, attempt, expected) {
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
    return this.#accept(issued, generation, expected);
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
   * @param {string | null} expected whose they have to be: a renewal never changes the user, only a login that was asked for
   */
  #accept(issued, generation, expected) {
    if (generation !== this.#generation) {
      return false;
    }
    const id = issued.id_token ?? this.#tokens?.id ?? "";
    const claims = claimsOf(id);
    const user = { sub: String(claims.sub), name: String(claims.name ?? claims.sub) };
    if (expected !== null && user.sub !== expected) {
      this.#tokens = null;
      this.#isRefused = true;
      return false;
    }
    this.#isRefused = false;
    this.#tokens = {
      sub: user.sub,
      access: issued.access_token,
      refresh: issued.refresh_token ?? this.#tokens?.refresh ?? null,
      id,
      expiresAt: this.#now() + issued.expires_in * 1000,
    };
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
