// Calls the methods of a client's API module, one for each line of JSON on standard input, and reports on standard
// output what each returned or threw, and which fields of the answers it read, and the requests that it made.
//
//   node consumer.mjs <module> <class>

import { createInterface } from "node:readline";

const [module, name] = process.argv.slice(2);
const { [name]: Api } = await import(module);

const parse = JSON.parse;
const paths = new WeakMap();
let reads = new Set();
let requests = [];

// The engine itself looks for these, at every value that a promise or JSON.stringify gets.
const LOOKED_FOR = new Set(["then", "toJSON"]);

/** A JSON value that records which of its members are read; `items[].name` is the name of each of the items. */
function recording(value, path) {
  if (value === null || typeof value !== "object") {
    return value;
  }
  const inner = (key) => (Array.isArray(value) ? `${path}[]` : path ? `${path}.${key}` : key);
  const isData = (key) => typeof key === "string" && (Array.isArray(value) ? /^\d+$/.test(key) : true);
  const proxy = new Proxy(value, {
    get(target, key) {
      const found = Reflect.get(target, key);
      if (!isData(key) || (LOOKED_FOR.has(key) && found === undefined)) {
        return found;
      }
      if (!Array.isArray(value)) {
        reads.add(inner(key));
      }
      return recording(found, inner(key));
    },
    ownKeys(target) {
      if (!Array.isArray(value)) {
        reads.add(`${path}.*`);
      }
      return Reflect.ownKeys(target);
    },
  });
  paths.set(proxy, path);
  return proxy;
}

// Node's own fetch copies its settings by way of JSON.
const isNode = () => /node:internal/.test(new Error().stack.split("\n")[3] ?? "");
JSON.parse = (text, reviver) => (isNode() ? parse(text, reviver) : recording(parse(text, reviver), ""));
Response.prototype.json = async function json() {
  return recording(parse(await this.text()), "");
};

/** The paths of all values that were handed on as they came: what is read of them nobody can say. */
function* handedOn(value) {
  if (value === null || typeof value !== "object") {
    return;
  }
  if (paths.has(value)) {
    yield paths.get(value);
    return;
  }
  for (const member of Object.values(value)) {
    yield* handedOn(member);
  }
}

async function result(answer) {
  if (answer?.[Symbol.asyncIterator] === undefined) {
    return answer;
  }
  const all = [];
  for await (const each of answer) {
    all.push(each);
  }
  return all;
}

/** What a gateway does with a request: it knows the app by the path's first segment, and adds who calls. */
function throughGateway(base, prefix, headers) {
  return (url, init = {}) => {
    const path = String(url).slice(base.length);
    if (!path.startsWith(`${prefix}/`)) {
      throw new Error(`${path} is not below ${prefix}`);
    }
    const { method = "GET", body = null } = init;
    requests.push({ method, path, headers: init.headers, body });
    return fetch(base + path.slice(prefix.length), { ...init, headers: { ...init.headers, ...headers } });
  };
}

for await (const line of createInterface({ input: process.stdin })) {
  const { base, prefix, headers, token, options, method, args } = parse(line);
  reads = new Set();
  requests = [];
  const report = {};
  const authorize = async () => (token ? { authorization: `DPoP ${token}`, dpop: "a-proof" } : {});
  try {
    const api = new Api({ ...options, base, fetch: throughGateway(base, prefix, headers), authorize });
    const value = await result(await api[method](...args));
    report.handedOn = [...handedOn(value)];
  } catch (error) {
    const { name, message, status = null, type = null } = error;
    report.error = { name, message, status, type };
  }
  report.reads = [...reads];
  report.requests = requests;
  console.log(JSON.stringify(report));
}
