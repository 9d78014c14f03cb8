/**
 * A certified OpenID Connect provider with its own pages, set up as an operator would: nothing in it is made
 * for this gateway. Whoever types a name and any password is that user.
 *
 * Started as `node provider.mjs ISSUER FD WORD`: it serves ISSUER on the bound socket FD, tells so by a line, and
 * registers clients for whoever knows WORD. Its keys are new at each start. It ends with its standard input.
 */
import { generateKeyPairSync, randomBytes } from "node:crypto";
import process from "node:process";

import Provider from "oidc-provider";

const [issuer, fd, word] = process.argv.slice(2);

const HOUR = 3600;

/** The APIs for which it gives access tokens, by their URIs (RFC 8707). */
const APIS = {
  "https://shop.example/api": { audience: "shop", scope: "shop stock:write" },
  "https://warehouse.example/api": { audience: "warehouse", scope: "shop" },
};

function api(_context, uri) {
  const found = APIS[uri];
  if (!found) throw new Error(`there is no API ${uri}`);
  return { ...found, accessTokenFormat: "jwt", accessTokenTTL: 300, jwt: { sign: { alg: "ES256" } } };
}

function key(kind, options) {
  return generateKeyPairSync(kind, options).privateKey.export({ format: "jwk" });
}

const provider = new Provider(issuer, {
  jwks: {
    keys: [key("rsa", { modulusLength: 2048 }), key("ec", { namedCurve: "P-256" }), key("ed25519")],
  },
  enabledJWA: { idTokenSigningAlgValues: ["RS256", "ES256", "EdDSA"] },
  claims: { openid: ["sub"], profile: ["name"], email: ["email"] },
  findAccount: (_context, id) => ({
    accountId: id,
    claims: () => ({ sub: id, name: `The ${id}`, email: `${id}@shop.example` }),
  }),
  cookies: { keys: [randomBytes(32)] },
  pkce: { required: () => true },
  rotateRefreshToken: true,
  ttl: { AccessToken: HOUR, Grant: HOUR, IdToken: HOUR, Interaction: HOUR, RefreshToken: HOUR, Session: HOUR },
  features: {
    backchannelLogout: { enabled: true },
    claimsParameter: { enabled: true },
    registration: { enabled: true, initialAccessToken: word },
    resourceIndicators: { enabled: true, getResourceServerInfo: api },
    revocation: { enabled: true },
    rpInitiatedLogout: { enabled: true },
  },
  // By itself it calls no client at a private address; the operator of a private network allows that.
  fetch: (url, { dispatcher: _guard, ...options }) => fetch(url, options),
});

const server = provider.listen({ fd: Number(fd) }, () => console.log(`serving ${issuer}`));

process.stdin.on("close", () => process.exit());
process.stdin.resume();
server.on("error", (fault) => {
  console.error(fault);
  process.exit(1);
});
