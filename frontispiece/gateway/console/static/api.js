// Calls of the admin port, with its token.

const KEY = "frontispiece-token";
/** Milliseconds within which a call is answered: one that only reads, and one that acts. */
const READ_MS = 15_000;
const ACT_MS = 60_000;
const RETRY_MS = [1000, 2000, 5000, 10000];

/** A call was refused; `problem` is the problem details of the response, where it has any. */
export class ApiError extends Error {
  /** @param {number} status @param {any} problem */
  constructor(status, problem) {
    super([problem?.detail ?? problem?.title ?? `The admin port answered ${status}.`, ...(problem?.errors ?? [])].join("\n"));
    this.status = status;
    this.problem = problem;
  }
}

/** @returns {string} */
export const token = () => sessionStorage.getItem(KEY) ?? "";

/** @param {string} value */
export const setToken = (value) => sessionStorage.setItem(KEY, value);

/** @param {string} method @param {string} path @param {any} [body] @param {AbortSignal} [signal] */
async function call(method, path, body, signal) {
  /** @type {Record<string, string>} */
  const headers = method === "GET" ? {} : { "X-CSRF": "1" };
  if (token()) headers.Authorization = `Bearer ${token()}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const response = await fetch(path, {
    method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body), cache: "no-store",
  }).catch((error) => {
    throw error instanceof TypeError ? new Error("The admin port cannot be reached.") : error;
  });
  if (!response.ok) throw new ApiError(response.status, await response.json().catch(() => null));
  return response;
}

/**
 * @typedef {{event: string, data: any}} ServerEvent
 * @typedef {{
 *   get: (path: string) => Promise<any>,
 *   post: (path: string, body?: any) => Promise<any>,
 *   del: (path: string) => Promise<any>,
 *   events: (path: string, onEvent: (event: ServerEvent) => void, onState?: (error: Error | null) => void) => () => void,
 * }} Api
 * @param {() => void} onUnauthorized called when the token is missing or wrong
 * @returns {Api}
 */
export function makeApi(onUnauthorized) {
  const json = async (method, path, body) => {
    const limit = method === "GET" ? READ_MS : ACT_MS;
    try {
      return await (await call(method, path, body, AbortSignal.timeout(limit))).json();
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) onUnauthorized();
      if (error instanceof DOMException && error.name === "TimeoutError") {
        throw new Error(`The admin port did not respond within ${limit / 1000} s: it is busy, or this browser has no connection left for it.`);
      }
      throw error;
    }
  };
  return {
    get: (path) => json("GET", path),
    post: (path, body) => json("POST", path, body),
    del: (path) => json("DELETE", path),
    events(path, onEvent, onState = () => {}) {
      const ended = new AbortController();
      const run = async () => {
        for (let failed = 0; !ended.signal.aborted; failed += 1) {
          try {
            const response = await call("GET", path, undefined, ended.signal);
            onState(null);
            for await (const event of parsed(response)) {
              failed = 0;
              onEvent(event);
            }
            throw new Error("The admin port has ended the stream.");
          } catch (error) {
            if (ended.signal.aborted) return;
            if (error instanceof ApiError && error.status === 401) return onUnauthorized();
            onState(error instanceof Error ? error : new Error(String(error)));
          }
          await new Promise((done) => setTimeout(done, RETRY_MS[Math.min(failed, RETRY_MS.length - 1)]));
        }
      };
      run();
      return () => ended.abort();
    },
  };
}

/** The events of a `text/event-stream` whose data is JSON. @param {Response} response */
async function* parsed(response) {
  const reader = /** @type {ReadableStream} */ (response.body).pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
    text += chunk.value;
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const lines = text.slice(0, end).split("\n");
      text = text.slice(end + 2);
      const of = (name) => lines.filter((line) => line.startsWith(`${name}: `)).map((line) => line.slice(name.length + 2)).join("\n");
      if (of("data")) yield { event: of("event") || "message", data: JSON.parse(of("data")) };
    }
  }
}
