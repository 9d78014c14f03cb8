/**
 * Calls to a BFF: JSON, lines of JSON and server-sent events; every failure is an `ApiError`. Needs no DOM.
 *
 * @typedef {Record<string, unknown> & { type?: string, title?: string, detail?: string }} Problem
 * @typedef {{ body?: unknown, headers?: Record<string, string>, signal?: AbortSignal }} Options
 * @typedef {Record<string, string>} Degraded the parts that are missing, by name, and why
 * @typedef {{ data: any, degraded: Degraded, position: string | null }} Reply
 * @typedef {{ id: string, event: string, data: string }} ServerEvent
 */

const PROBLEM_TYPE = /^urn:frontispiece:problem:/;

/** A call that failed. `status` is 0 when there was no answer, and then `kind` is `offline` or `unreachable`. */
export class ApiError extends Error {
  /**
   * @param {{ status: number, problem?: Problem, retryAfter?: number | null, cause?: unknown }} failure
   */
  constructor({ status, problem = {}, retryAfter = null, cause }) {
    super(problem.title ?? `The server responded with ${status}.`, { cause });
    this.name = "ApiError";
    this.status = status;
    this.problem = problem;
    this.type = problem.type ?? "about:blank";
    this.title = problem.title ?? "";
    this.detail = problem.detail ?? "";
    /** Seconds after which the call may be repeated; null when the server has not said. */
    this.retryAfter = retryAfter;
  }

  /** The type of the problem without its prefix, such as `basket-changed`. */
  get kind() {
    return this.type.replace(PROBLEM_TYPE, "");
  }
}

/** Sends requests with the headers that every call of a client has. */
export class HttpClient {
  /**
   * @param {{
   *   base: string,
   *   fetch: typeof globalThis.fetch,
   *   headers: (method: string, url: string) => Record<string, string> | Promise<Record<string, string>>,
   * }} settings
   */
  constructor({ base, fetch, headers }) {
    this.base = base;
    this.fetch = fetch;
    this.headers = headers;
  }

  /**
   * The response, whose status is a success; its body has not been read.
   *
   * @param {string} method
   * @param {string} path
   * @param {Options} [options]
   */
  async send(method, path, { body, headers = {}, signal } = {}) {
    const sent = { ...(await this.headers(method, this.base + path)), accept: "application/json", ...headers };
    /** @type {RequestInit} */
    const init = { method, headers: sent, credentials: "same-origin", signal };
    if (body !== undefined) {
      init.body = JSON.stringify(body);
      init.headers = { ...sent, "content-type": "application/json" };
    }
    const response = await this.#fetched(this.base + path, init);
    if (!response.ok) {
      throw await failure(response);
    }
    return response;
  }

  /**
   * The JSON of the response, and what its headers say about it.
   *
   * @param {string} method
   * @param {string} path
   * @param {Options} [options]
   * @returns {Promise<Reply>}
   */
  async json(method, path, options) {
    const response = await this.send(method, path, options);
    const data = await unbroken(response.json(), options?.signal);
    return { data, degraded: degradedParts(response), position: response.headers.get("position") };
  }

  /**
   * @param {string} url
   * @param {RequestInit} init
   */
  async #fetched(url, init) {
    const fetch = this.fetch; // as a plain function: a browser's fetch must not be called as a method
    return unbroken(fetch(url, init), init.signal ?? undefined);
  }
}

/**
 * The parts of a page that are missing: of `stock;reason=timeout, latest;reason=unavailable`.
 *
 * @param {Response} response
 * @returns {Degraded}
 */
function degradedParts(response) {
  /** @type {Degraded} */
  const parts = {};
  for (const item of (response.headers.get("page-degraded") ?? "").split(",")) {
    const [name, ...parameters] = item.split(";").map((part) => part.trim());
    if (name) {
      const reason = parameters.find((parameter) => parameter.startsWith("reason="));
      parts[name] = reason ? reason.slice("reason=".length) : "";
    }
  }
  return parts;
}

/**
 * The values of a response of one JSON text a line, as they arrive.
 *
 * @param {Response} response
 * @returns {AsyncGenerator<any>}
 */
export async function* readJsonLines(response) {
  for await (const line of readLines(response)) {
    if (line) {
      yield JSON.parse(line);
    }
  }
}

/**
 * The server-sent events of a response, as they arrive (HTML, 9.2.6); comments are skipped.
 *
 * @param {Response} response
 * @returns {AsyncGenerator<ServerEvent>}
 */
export async function* readEvents(response) {
  let id = "";
  let event = "";
  /** @type {string[]} */
  let data = [];
  for await (const line of readLines(response)) {
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (line === "") {
      if (data.length > 0) {
        yield { id, event: event || "message", data: data.join("\n") };
      }
      event = "";
      data = [];
    } else if (field === "data") {
      data.push(value);
    } else if (field === "event") {
      event = value;
    } else if (field === "id") {
      id = value;
    }
  }
}

/**
 * @param {Response} response
 * @returns {AsyncGenerator<string>}
 */
async function* readLines(response) {
  if (!response.body) {
    return;
  }
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  let open = false; // a stream that has ended or failed is not cancelled
  try {
    for (;;) {
      open = false;
      const { done, value } = await unbroken(reader.read());
      open = !done;
      rest += done ? decoder.decode() : decoder.decode(value, { stream: true });
      const lines = rest.split(/\r?\n/);
      rest = done ? "" : (lines.pop() ?? "");
      yield* lines;
      if (done) {
        return;
      }
    }
  } finally {
    if (open) {
      await reader.cancel();
    }
  }
}

/**
 * @param {Response} response
 */
async function failure(response) {
  const isProblem = response.headers.get("content-type")?.startsWith("application/problem+json");
  const problem = isProblem ? /** @type {Problem} */ (await unbroken(response.json())) : undefined;
  return new ApiError({ status: response.status, problem, retryAfter: retryAfter(response) });
}

/**
 * Seconds of `Retry-After`, which is a number or a date.
 *
 * @param {Response} response
 */
function retryAfter(response) {
  const field = response.headers.get("retry-after");
  if (!field) {
    return null;
  }
  const seconds = /^\d+$/.test(field) ? Number(field) : Math.ceil((Date.parse(field) - Date.now()) / 1000);
  return Number.isFinite(seconds) ? Math.max(0, seconds) : null;
}

/**
 * What arrives, or an `ApiError` of status 0 when the connection fails; an aborted call stays an `AbortError`.
 *
 * @template Value
 * @param {Promise<Value>} arriving
 * @param {AbortSignal} [signal]
 * @returns {Promise<Value>}
 */
async function unbroken(arriving, signal) {
  try {
    return await arriving;
  } catch (error) {
    if (signal?.aborted || (error instanceof DOMException && error.name === "AbortError")) {
      throw error;
    }
    const offline = globalThis.navigator?.onLine === false;
    const type = `urn:frontispiece:problem:${offline ? "offline" : "unreachable"}`;
    throw new ApiError({ status: 0, problem: { type, title: "No answer" }, cause: error });
  }
}
