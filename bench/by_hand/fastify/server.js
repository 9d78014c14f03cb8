// The pages on Fastify and undici, as they are written by hand: `node server.js PORT`.
//
// One pool of kept connections for each service, independent calls with Promise.all, answers by a response
// schema (which lets Fastify compile its serialisation and leaves out what the page does not show). The bearer
// token is verified by fast-jwt with its cache. No rate limit, trace, metrics or ETag.

import { createVerifier } from "fast-jwt";
import Fastify from "fastify";
import { Pool } from "undici";

const OPTIONAL_TIMEOUT = 50; // milliseconds that an optional part may take
const UNKNOWN = { title: "unknown", price: 0, rating: 0, labels: [] };

const settings = { connections: 512, pipelining: 1, headersTimeout: 10_000, bodyTimeout: 10_000 };
const shop = new Pool(process.env.SHOP, settings);
const lostShop = new Pool(process.env.LOST, { ...settings, connections: 4096 });

const verify = createVerifier({
  key: process.env.TOKEN_PUBLIC_KEY,
  algorithms: ["EdDSA"],
  allowedIss: process.env.ISSUER_URL,
  allowedAud: "api",
  cache: 10_000,
});

const app = Fastify({ logger: false });

app.decorateRequest("caller", "");
app.addHook("onRequest", async (request, reply) => {
  const caller = request.headers.authorization ?? "";
  let claims;
  try {
    claims = verify(caller.replace(/^Bearer /, ""));
  } catch {
    return reply.code(401).send();
  }
  if (!claims.scope.split(" ").includes("shop")) return reply.code(403).send();
  request.caller = caller;
});

async function get(path, authorization) {
  const { statusCode, body } = await shop.request({ method: "GET", path, headers: { authorization } });
  if (statusCode >= 400) {
    await body.dump();
    throw new Error(`the shop answered ${statusCode}`);
  }
  return body.json();
}

async function lost(authorization) {
  try {
    const signal = AbortSignal.timeout(OPTIONAL_TIMEOUT);
    const { body } = await lostShop.request({ method: "GET", path: "/hang", headers: { authorization }, signal });
    return await body.json();
  } catch {
    return UNKNOWN;
  }
}

const part = {
  type: "object",
  properties: {
    title: { type: "string" },
    price: { type: "integer" },
    rating: { type: "number" },
    labels: { type: "array", items: { type: "string" } },
  },
};
const item = { type: "object", properties: { id: { type: "string" }, ...part.properties } };
const brand = { type: "object", properties: { name: { type: "string" }, since: { type: "integer" } } };
const answering = (properties) => ({ schema: { response: { 200: { type: "object", properties } } } });

app.get("/pages/three", answering({ a: part, b: part, c: part }), async ({ caller }) => {
  const [a, b, c] = await Promise.all([
    get("/part/a", caller),
    get("/part/b", caller),
    get("/part/c", caller),
  ]);
  return { a, b, c };
});

app.get("/pages/hanging", answering({ a: part, b: part, c: part }), async ({ caller }) => {
  const [a, b, c] = await Promise.all([get("/part/a", caller), get("/part/b", caller), lost(caller)]);
  return { a, b, c };
});

app.get("/pages/levels/:name", answering({ product: part, brand }), async ({ caller, params }) => {
  const product = await get(`/product/${params.name}`, caller);
  return { product, brand: await get(`/brand/${product.brand_id}`, caller) };
});

app.get("/pages/list", answering({ items: { type: "array", items: item } }), async ({ caller }) => {
  const { ids } = await get("/list", caller);
  return { items: await Promise.all(ids.map((id) => get(`/items/${id}`, caller))) };
});

app.get("/pass/*", async ({ caller, params }, reply) => {
  const headers = { authorization: caller };
  const answer = await shop.request({ method: "GET", path: `/${params["*"]}`, headers });
  reply.code(answer.statusCode);
  for (const name of ["content-type", "content-length"]) reply.header(name, answer.headers[name]);
  return reply.send(answer.body);
});

await app.listen({ host: "127.0.0.1", port: Number(process.argv[2]) });
