import { base64url, hashOf } from "../../../clients/mobile/pkce.js";

export const ORIGIN = "https://shop.example";

export const jwt = (claims) => `h.${base64url(new TextEncoder().encode(JSON.stringify(claims)))}.s`;

/** An issuer with one user, or none, at whom the browser is logged in. */
export class Issuer {
  user = "reader";
  requests = [];
  verifierOf = new Map();
  nonceOf = new Map();
  refresh = "r0";
  reachable = true;
  claims = {};
  time = 0; // of the user's login there
  type = "DPoP";
  onToken = () => {};

  fetch = async (url, init = {}) => {
    if (!this.reachable) {
      throw new TypeError("no network");
    }
    const { pathname, searchParams } = new URL(url);
    this.requests.push(pathname.replace("/identity", ""));
    if (pathname.endsWith("/authorize")) {
      return { ok: true, url: this.redirect(searchParams), arrayBuffer: async () => null };
    }
    return pathname.endsWith("/token") ? this.#token(init.body) : { ok: true };
  };

  /** Where the browser is sent, as if the login page had been filled in. */
  redirect(parameters) {
    const back = new URL(parameters.get("redirect_uri"));
    back.searchParams.set("state", parameters.get("state"));
    back.searchParams.set("iss", `${ORIGIN}/identity`);
    if (this.user) {
      const code = `code-${parameters.get("nonce")}`;
      this.verifierOf.set(code, parameters.get("code_challenge"));
      this.nonceOf.set(code, parameters.get("nonce"));
      back.searchParams.set("code", code);
    } else {
      back.searchParams.set("error", "login_required");
    }
    return back.href;
  }

  async #token(body) {
    this.onToken();
    const code = body.get("code");
    const isCode = body.get("grant_type") === "authorization_code";
    const isGood = isCode
      ? this.verifierOf.get(code) === (await hashOf(body.get("code_verifier")))
      : body.get("refresh_token") === this.refresh;
    if (!isGood) {
      return { ok: false, status: 400, headers: new Headers() };
    }
    this.refresh = `r${Number(this.refresh.slice(1)) + 1}`;
    const claims = { iss: `${ORIGIN}/identity`, aud: "mobile-web", sub: this.user, name: "A Reader", nonce: this.nonceOf.get(code), auth_time: this.time, ...this.claims };
    return {
      ok: true,
      headers: new Headers(),
      json: async () => ({ token_type: this.type, access_token: `access-${this.refresh}`, refresh_token: this.refresh, id_token: jwt(claims), expires_in: 300 }),
    };
  }
}
