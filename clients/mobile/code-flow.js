/** One login by OpenID Connect's code flow: from the attempt to the tokens for the code that came back. Needs no DOM. */

import { ApiError } from "../shared/http.js";
import { CLIENT } from "./issuer.js";
import { claimsOf, randomText } from "./pkce.js";

/**
 * @typedef {{ state: string, nonce: string, verifier: string, returnTo: string }} Attempt
 * @typedef {{ token_type: string, access_token: string, refresh_token?: string, id_token: string, expires_in: number }} Issued
 */

/** The login did not succeed; `code` is OAuth's name for why. */
export class LoginError extends Error {
  /** @param {string} code @param {string} [message] */
  constructor(code, message) {
    super(message ?? code);
    this.name = "LoginError";
    this.code = code;
  }
}

/** @param {string} returnTo the path that is shown afterwards @returns {Attempt} */
export const newAttempt = (returnTo) => ({ state: randomText(), nonce: randomText(), verifier: randomText(), returnTo });

/**
 * The tokens of an attempt.
 *
 * @param {import("./issuer.js").Issuer} issuer
 * @param {URL} url at which the browser came back
 * @param {Attempt} attempt
 * @returns {Promise<Issued>}
 * @throws {LoginError} when the response or its ID token is not of this attempt, or says why there is no code
 */
export async function redeem(issuer, url, attempt) {
  const parameters = url.searchParams;
  if (parameters.get("state") !== attempt.state || parameters.get("iss") !== issuer.url) {
    throw new LoginError("foreign_response", "The response is not to this login.");
  }
  const code = parameters.get("code");
  if (!code) {
    throw new LoginError(parameters.get("error") ?? "no_code", parameters.get("error_description") ?? undefined);
  }
  const response = await issuer.token({
    grant_type: "authorization_code",
    redirect_uri: issuer.redirectUri,
    code_verifier: attempt.verifier,
    code,
  });
  if (!response.ok) {
    throw response.status === 400 ? new LoginError("invalid_grant") : new ApiError({ status: response.status });
  }
  const issued = await response.json();
  const claims = claimsOf(issued.id_token);
  if (claims.iss !== issuer.url || ![claims.aud].flat().includes(CLIENT) || claims.nonce !== attempt.nonce) {
    throw new LoginError("foreign_token", "The ID token is not of this login.");
  }
  return issued;
}

/**
 * The tokens of whoever is logged in at the issuer, without a page: it redirects at once, and the URL at the end has the
 * code or the error.
 *
 * @param {import("./issuer.js").Issuer} issuer
 * @returns {Promise<Issued | null>} null when the issuer wants the user to log in
 */
export async function redeemSilently(issuer) {
  const attempt = newAttempt("");
  try {
    return await redeem(issuer, await issuer.authorizeSilently(attempt), attempt);
  } catch (error) {
    if (error instanceof LoginError) {
      return null;
    }
    throw error;
  }
}
