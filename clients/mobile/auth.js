/**
 * Who is logged in: OpenID Connect's code flow with PKCE, and tokens that live in this object alone, bound to the phone's key.
 *
 * What survives a reload is only that somebody was logged in, and who (`memory`): a silent log-in then gets new tokens.
 * What survives the way to the login page and back is the attempt (`attempts`): state, nonce and code verifier.
 *
 * @typedef {{ sub: string, name: string }} User
 * @typedef {{ sub: string, type: string, access: string, refresh: string | null, id: string, expiresAt: number }} Tokens `type`: `DPoP` or `Bearer`
 * @typedef {import("./code-flow.js").Attempt} Attempt
 * @typedef {{ sub: string, at: number }} PendingLogout whose login is to be ended, if it is from before this time
 */

import { ApiError } from "../shared/http.js";
import { LoginError, newAttempt, redeem, redeemSilently } from "./code-flow.js";
import { Issuer } from "./issuer.js";
import { claimsOf } from "./pkce.js";

const USER = "user";
const ATTEMPT = "login";
const PENDING = "logout-pending";
const MARGIN = 30_000; // a token that expires sooner than this many milliseconds is renewed first

export class Auth {
  /** @type {Tokens | null} */
  #tokens = null;
  /** @type {Promise<boolean> | null} */
  #renewal = null;
  #issuer;
  #origin;
  #dpop;
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
   *   dpop: import("./dpop.js").Dpop,
   *   fetch?: typeof globalThis.fetch,
   *   now?: () => number,
   *   onChange?: (user: User | null) => void,
   * }} settings
   */
  constructor({ origin, memory, attempts, dpop, fetch = globalThis.fetch, now = Date.now, onChange = () => {} }) {
    this.#issuer = new Issuer(origin, fetch, dpop);
    this.#origin = origin;
    this.#dpop = dpop;
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
   * The headers of a call by a user: the access token, and the proof that it is this phone's.
   *
   * @param {string} method
   * @param {string} url
   * @param {string} [sub] on whose behalf the call is; empty for a guest
   * @returns {Promise<Record<string, string>>} none for a guest, and when the issuer wants the user to log in
   * @throws {ApiError} 401 when somebody else is logged in
   */
  async authorization(method, url, sub) {
    const tokens = await this.#present(sub);
    if (tokens === null) {
      return {};
    }
    const { type, access } = tokens;
    const proof = type === "DPoP" && { dpop: await this.#dpop.proof(method, new URL(url, this.#origin), access) };
    return { authorization: `${type} ${access}`, ...proof };
  }

  /**
   * The tokens of a user: renewed when the access token is about to expire, and silently got after a reload.
   *
   * @returns {Promise<Tokens | null>}
   */
  async #present(sub = this.user?.sub ?? "") {
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
    return this.#tokens;
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
    const isPending = this.#memory.getItem(PENDING) !== null; // the issuer would give the login that the user has ended
    return this.#issuer.authorizeUrl(attempt, isPending ? { prompt: "login" } : {});
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
    const generation = this.#generation;
    this.#accept(await redeem(this.#issuer, url, attempt), generation, null);
    this.#memory.removeItem(PENDING); // this login has taken the place of the one that was to be ended
    return attempt.returnTo;
  }

  /**
   * Ends the login here, and then at the issuer, which may not be reached: then an `ApiError` says so, and the login is to be
   * ended later, by `endPending`.
   */
  async logOut() {
    const pending = JSON.stringify({ sub: this.user?.sub, at: this.#now() });
    const failure = await this.#present().then(() => null, (error) => error); // a login that was only known has tokens to end
    const tokens = this.#tokens;
    this.#forget();
    this.#memory.setItem(PENDING, pending);
    if (failure) {
      throw failure;
    }
    if (tokens) {
      await this.#end(tokens.refresh, tokens.id);
    }
    this.#memory.removeItem(PENDING);
  }

  /** Ends the login of which a log-out could not tell the issuer, with tokens that are got for that alone. */
  async endPending() {
    const stored = this.#memory.getItem(PENDING);
    if (stored === null) {
      return;
    }
    const pending = /** @type {PendingLogout} */ (JSON.parse(stored));
    const issued = await redeemSilently(this.#issuer);
    if (issued) {
      const { sub, auth_time: time } = claimsOf(issued.id_token);
      const isThat = sub === pending.sub && Number(time) * 1000 <= pending.at; // not a login that somebody wanted since
      await this.#end(issued.refresh_token ?? null, isThat ? issued.id_token : null);
    }
    this.#memory.removeItem(PENDING);
  }

  /**
   * @param {string | null} refresh the token that is revoked
   * @param {string | null} id the ID token of the login that is ended
   */
  async #end(refresh, id) {
    if (refresh) {
      await succeeded(this.#issuer.revoke(refresh));
    }
    if (id) {
      await succeeded(this.#issuer.endSession(id));
    }
  }

  /** Drops the tokens and the user, as when another tab has logged out. */
  drop() {
    this.#forget();
  }

  async #renew() {
    const generation = this.#generation;
    const user = this.user;
    const tokens = this.#tokens;
    if (tokens?.refresh) {
      const response = await this.#issuer.token({ grant_type: "refresh_token", refresh_token: tokens.refresh });
      if (response.ok) {
        return this.#accept(await response.json(), generation, tokens.sub);
      }
      if (response.status !== 400) {
        throw new ApiError({ status: response.status });
      }
    }
    if (generation !== this.#generation) {
      return false;
    }
    this.#tokens = null;
    if (user === null) {
      return false;
    }
    const issued = await redeemSilently(this.#issuer);
    if (issued === null) {
      this.#isRefused = true;
      return false;
    }
    return this.#accept(issued, generation, user.sub);
  }

  /**
   * @param {{ token_type: string, access_token: string, refresh_token?: string, id_token?: string, expires_in: number }} issued
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
      type: issued.token_type,
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

/** @param {Promise<Response>} sent @throws {ApiError} when the answer is no success */
async function succeeded(sent) {
  const { ok, status } = await sent;
  if (!ok) {
    throw new ApiError({ status });
  }
}
