/**
 * The calls of the web BFF: one method for each. Needs no DOM.
 *
 * @typedef {import("../shared/http.js").Degraded} Degraded
 * @typedef {import("./models.js").Address} Address
 * @typedef {import("./models.js").Money} Money
 * @typedef {{ signal?: AbortSignal }} Options
 * @typedef {{
 *   q?: string, brand?: string[], type?: string[], min_price?: number, max_price?: number,
 *   sort?: string, cursor?: string, limit?: number,
 * }} SearchQuery
 * @typedef {{ country?: string, coupon?: string, near?: import("../shared/place-field.js").Near }} DraftRequest
 * @typedef {{
 *   basket_version: number, total: Money, shipping: { method: string, address: Address, store?: string },
 *   payment_token: string, coupon?: string,
 * }} OrderRequest
 * @typedef {{ product: import("./models.js").Product, degraded: Degraded, complete: boolean }} ProductPart
 */

/**
 * @template Model
 * @typedef {{ page: Model, degraded: Degraded }} Answer what a screen shows, and which parts of it are missing
 */

import { ApiError, HttpClient, readEvents, readJsonLines } from "../shared/http.js";
import { queryString } from "../shared/query-string.js";
import * as models from "./models.js";
import { OPERATIONS } from "./operations.js";
import { VERSION } from "./version.js";

export class WebApi {
  #http;
  #onUnauthorized;

  /**
   * @param {{ base?: string, fetch?: typeof globalThis.fetch, onUnauthorized?: () => void }} [options]
   */
  constructor({ base = "", fetch = globalThis.fetch, onUnauthorized = () => {} } = {}) {
    this.#onUnauthorized = onUnauthorized;
    const headers = () => ({ "x-client": `web/${VERSION}`, "x-csrf": "1" });
    this.#http = new HttpClient({ base, fetch, headers });
  }

  /** @param {Options} [options] @returns {Promise<Answer<import("./models.js").Home>>} */
  async home({ signal } = {}) {
    const { data, degraded } = await this.#http.json("GET", "/web/home", { signal });
    return { page: models.home(data), degraded };
  }

  /** @param {string} sku @param {Options} [options] @returns {Promise<Answer<import("./models.js").Product>>} */
  async product(sku, { signal } = {}) {
    const { data, degraded } = await this.#http.json("GET", `/web/products/${encodeURIComponent(sku)}`, { signal });
    return { page: models.product(data), degraded };
  }

  /**
   * The product as it becomes known: first without what is slow, then with each part that arrives.
   *
   * @param {string} sku
   * @param {Options} [options]
   * @returns {AsyncGenerator<ProductPart>}
   */
  async *streamProduct(sku, { signal } = {}) {
    const headers = { accept: "application/x-ndjson" };
    const path = `/web/products/${encodeURIComponent(sku)}`;
    const response = await this.#http.send("GET", path, { headers, signal });
    let view = /** @type {any} */ (null);
    for await (const frame of readJsonLines(response)) {
      if (frame.end) {
        yield { product: models.product(view), degraded: frame.end.degraded, complete: true };
        return;
      }
      view = frame.view ?? withPart(view, frame.path, frame.data);
      yield { product: models.product(view), degraded: {}, complete: false };
    }
  }

  /** @param {SearchQuery} query @param {Options} [options] @returns {Promise<Answer<import("./models.js").Results>>} */
  async search(query, { signal } = {}) {
    const { data, degraded } = await this.#http.json("GET", `/web/search${queryString(query)}`, { signal });
    return { page: models.results(data), degraded };
  }

  /** @param {string} brand @returns {Promise<{ following: boolean }>} */
  async follow(brand) {
    const { data } = await this.#http.json("PUT", `/web/brands/${encodeURIComponent(brand)}/follow`);
    return { following: data.following };
  }

  /** @param {string} brand @returns {Promise<{ following: boolean }>} */
  async unfollow(brand) {
    const { data } = await this.#http.json("DELETE", `/web/brands/${encodeURIComponent(brand)}/follow`);
    return { following: data.following };
  }

  /** The news after a cursor. @param {string} cursor @returns {Promise<import("./models.js").Feed>} */
  async olderNews(cursor) {
    const { data } = await this.#http.json("GET", `/web/feed${queryString({ cursor })}`);
    return models.feed(data);
  }

  /** Marks all news up to an id as read. @param {string} id @returns {Promise<{ unread: number }>} */
  async markRead(id) {
    const { data } = await this.#http.json("PUT", "/web/feed/read", { body: { up_to: id } });
    return { unread: data.unread };
  }

  /** @param {Options} [options] @returns {Promise<Answer<import("./models.js").Basket>>} */
  async basket({ signal } = {}) {
    const { data, degraded } = await this.#http.json("GET", "/web/basket", { signal });
    return { page: models.basket(data), degraded };
  }

  /** @param {string} sku @param {number} quantity @returns {Promise<Answer<import("./models.js").Basket>>} */
  async putItem(sku, quantity) {
    const path = `/web/basket/items/${encodeURIComponent(sku)}`;
    const { data, degraded } = await this.#http.json("PUT", path, { body: { quantity } });
    return { page: models.basket(data), degraded };
  }

  /** @param {string} sku @returns {Promise<Answer<import("./models.js").Basket>>} */
  async removeItem(sku) {
    const { data, degraded } = await this.#http.json("DELETE", `/web/basket/items/${encodeURIComponent(sku)}`);
    return { page: models.basket(data), degraded };
  }

  /** @param {DraftRequest} request @param {Options} [options] @returns {Promise<Answer<import("./models.js").Draft>>} */
  async checkoutDraft(request, { signal } = {}) {
    const { data, degraded } = await this.#http.json("POST", "/web/checkout/draft", { body: request, signal });
    return { page: models.draft(data), degraded };
  }

  /**
   * Places an order; the same key places it once, however often it is sent.
   *
   * @param {OrderRequest} request
   * @param {string} key
   * @returns {Promise<import("./models.js").Order>}
   */
  async placeOrder(request, key) {
    const headers = { "idempotency-key": key };
    const { data } = await this.#http.json("POST", "/web/checkout", { body: request, headers });
    return models.order(data);
  }

  /** @param {string | null} [cursor] @param {Options} [options] @returns {Promise<Answer<import("./models.js").OrderList>>} */
  async orders(cursor, { signal } = {}) {
    const { data, degraded } = await this.#http.json("GET", operationPath("OrderList", { cursor }), { signal });
    return { page: this.#result(data), degraded };
  }

  /**
   * @param {string} id
   * @param {Options} [options]
   * @returns {Promise<Answer<import("./models.js").Order>>}
   */
  async order(id, { signal } = {}) {
    const { data, degraded } = await this.#http.json("GET", `/web/orders/${encodeURIComponent(id)}`, { signal });
    return { page: models.trackedOrder(data), degraded };
  }

  /**
   * What changes of an order while it goes on: a tenth of what its page has.
   *
   * @param {string} id
   * @param {Options} [options]
   * @returns {Promise<import("./models.js").Progress>}
   */
  async orderProgress(id, { signal } = {}) {
    const { data } = await this.#http.json("GET", operationPath("OrderProgress", { id }), { signal });
    return this.#result(data);
  }

  /** @param {string} id @returns {Promise<import("./models.js").Order>} */
  async cancelOrder(id) {
    const { data } = await this.#http.json("POST", `/web/orders/${encodeURIComponent(id)}/cancel`);
    return models.order(data);
  }

  /**
   * The stages of an order as it comes to them; ends with the connection, or when nothing more will come.
   *
   * @param {string} id
   * @param {Options & { lastEventId?: string }} [options] the stages after this event
   * @returns {AsyncGenerator<import("./models.js").OrderEvent>}
   */
  async *orderStages(id, { lastEventId, signal } = {}) {
    const headers = { accept: "text/event-stream" };
    const path = operationPath("OrderStages", { id, lastEventId });
    const response = await this.#http.send("GET", path, { headers, signal });
    for await (const { event, data } of readEvents(response)) {
      if (event === "next") {
        yield this.#result(JSON.parse(data));
      }
    }
  }

  /**
   * What an operation of one field has led to: as its document names it, so that nothing has to be picked out of it.
   *
   * @param {{ data?: Record<string, any> | null, errors?: any[] }} response
   */
  #result({ data, errors }) {
    const result = data && Object.values(data)[0];
    if (!result) {
      const { message, extensions } = errors?.[0];
      if (extensions.status === 401) {
        this.#onUnauthorized();
      }
      const { status, type, retryAfter } = extensions;
      throw new ApiError({ status, problem: { type, title: message }, retryAfter: Number(retryAfter) || null });
    }
    return result;
  }
}

/**
 * Where a persisted operation is read.
 *
 * @param {keyof typeof OPERATIONS} name
 * @param {Record<string, unknown>} variables
 */
function operationPath(name, variables) {
  return `/web/graphql${queryString({ documentId: OPERATIONS[name], variables: JSON.stringify(variables) })}`;
}

/**
 * The view with another value at a path such as `/reviews/latest`; the empty path is the whole view.
 *
 * @param {any} view
 * @param {string} path
 * @param {unknown} data
 * @returns {any}
 */
function withPart(view, path, data) {
  const [name, ...rest] = path.split("/").slice(1);
  if (name === undefined) {
    return data;
  }
  const key = name.replaceAll("~1", "/").replaceAll("~0", "~");
  const copy = Array.isArray(view) ? [...view] : { ...view };
  copy[key] = withPart(view[key], rest.map((part) => `/${part}`).join(""), data);
  return copy;
}
