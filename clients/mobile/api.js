/** The calls of the mobile BFF. Each returns a read model. Needs no DOM. */

import { ApiError, HttpClient, readEvents } from "../shared/http.js";
import { queryString } from "../shared/query-string.js";
import * as read from "./models.js";
import { VERSION } from "./version.js";

/**
 * @typedef {import("../shared/http.js").Options} Options
 * @typedef {import("./models.js").Basket} Basket
 * @typedef {import("./models.js").Home} Home
 * @typedef {import("./models.js").Product} Product
 * @typedef {import("./models.js").Results} Results
 * @typedef {import("./models.js").Draft} Draft
 * @typedef {import("./models.js").Order} Order
 * @typedef {import("./models.js").OrderList} OrderList
 * @typedef {import("./models.js").OrderRequest} OrderRequest
 * @typedef {import("./models.js").OrderEvent} OrderEvent
 * @typedef {import("./models.js").Changes} Changes
 * @typedef {import("./models.js").Config} Config
 */

export class MobileApi {
  #http;
  #renew;
  #options;
  #dpr;
  #onResponse;

  /**
   * @param {{
   *   base?: string,
   *   fetch?: typeof globalThis.fetch,
   *   authorize?: (method: string, url: string, user?: string) => Promise<Record<string, string>>,
   *   renew?: () => Promise<boolean>,
   *   dpr?: number,
   *   language?: string,
   *   onResponse?: (response: Response) => void,
   * }} [options] `authorize` gives the headers of a call that say who makes it, a certain user when the calls are on one's behalf; `renew` gets another token after a 401, and says whether there is one;
   *   `onResponse` sees each response before it is read
   */
  constructor(options = {}) {
    const { base = "", fetch = globalThis.fetch, authorize = async () => ({}), renew, dpr = 2, language = "en", onResponse } = options;
    this.#options = options;
    this.#renew = renew ?? (async () => false);
    this.#dpr = Math.min(5, Math.max(0.5, dpr));
    this.#onResponse = onResponse ?? (() => {});
    this.#http = new HttpClient({
      base,
      fetch: async (input, init) => {
        const response = await fetch(input, init);
        this.#onResponse(response);
        return response;
      },
      headers: async (method, url) => ({
        "x-client": `mobile/${VERSION}`,
        "accept-language": language,
        ...(await authorize(method, url)),
      }),
    });
  }

  /**
   * The calls on behalf of one user: they fail with a 401 when somebody else is logged in by then.
   *
   * @param {string} user
   * @param {number} [dpr] for pictures of another density
   */
  as(user, dpr = this.#dpr) {
    const { authorize } = this.#options;
    return new MobileApi({ ...this.#options, dpr, authorize: authorize && ((method, url) => authorize(method, url, user)) });
  }

  /** @returns {Promise<Home>} */
  async home() {
    const { data, degraded } = await this.#json("GET", this.#path("/home", { dpr: this.#dpr }));
    return {
      tiles: data.tiles.map(read.card),
      types: (data.types ?? []).map(read.department),
      news: (data.news ?? []).map(read.newsItem),
      unread: data.unread ?? 0,
      newest: data.newest ?? null,
      nextNews: data.next_news ?? null,
      degraded: Object.keys(degraded),
    };
  }

  /**
   * @param {string} sku
   * @returns {Promise<Product>}
   */
  async product(sku) {
    const path = this.#path(`/products/${encodeURIComponent(sku)}`, { dpr: this.#dpr });
    const { data, degraded } = await this.#json("GET", path);
    return read.product(data, Object.keys(degraded));
  }

  /**
   * @param {{ q?: string, type?: string, sort?: string, cursor?: string, facets?: boolean }} query
   * @returns {Promise<Results>}
   */
  async search(query) {
    const { data } = await this.#json("GET", this.#path("/search", { ...query, dpr: this.#dpr }));
    return read.results(data);
  }

  /** @param {string} brand @returns {Promise<{ following: boolean }>} */
  async follow(brand) {
    const { data } = await this.#json("PUT", `/mobile/brands/${encodeURIComponent(brand)}/follow`);
    return { following: data.following };
  }

  /** @param {string} brand @returns {Promise<{ following: boolean }>} */
  async unfollow(brand) {
    const { data } = await this.#json("DELETE", `/mobile/brands/${encodeURIComponent(brand)}/follow`);
    return { following: data.following };
  }

  /** The news after a cursor. @param {string} cursor @returns {Promise<{ news: import("./models.js").NewsItem[], next: string | null }>} */
  async olderNews(cursor) {
    const { data } = await this.#json("GET", this.#path("/feed", { cursor, dpr: this.#dpr }));
    return { news: (data.news ?? []).map(read.newsItem), next: data.next ?? null };
  }

  /** Marks all news up to an id as read. @param {string} id @returns {Promise<{ unread: number }>} */
  async markRead(id) {
    const { data } = await this.#json("PUT", "/mobile/feed/read", { body: { up_to: id } });
    return { unread: data.unread };
  }

  /** @returns {Promise<Basket>} */
  async basket() {
    return read.basket((await this.#json("GET", this.#path("/basket", { dpr: this.#dpr }))).data);
  }

  /**
   * Sets the quantity of a product; a repetition with the same key changes nothing.
   *
   * @param {string} sku
   * @param {number} quantity
   * @param {string} [key]
   */
  async putItem(sku, quantity, key) {
    const path = this.#path(`/basket/items/${encodeURIComponent(sku)}`, { dpr: this.#dpr });
    return read.basket((await this.#json("PUT", path, { body: { quantity }, headers: keyed(key) })).data);
  }

  /**
   * @param {string} sku
   * @param {string} [key]
   */
  async removeItem(sku, key) {
    const path = this.#path(`/basket/items/${encodeURIComponent(sku)}`, { dpr: this.#dpr });
    return read.basket((await this.#json("DELETE", path, { headers: keyed(key) })).data);
  }

  /**
   * @param {{ country?: string, coupon?: string, near?: import("../shared/place-field.js").Near }} request
   * @returns {Promise<Draft>}
   */
  async checkoutDraft(request) {
    const { data } = await this.#json("POST", this.#path("/checkout/draft", { dpr: this.#dpr }), { body: request });
    return read.draft(data);
  }

  /**
   * @param {OrderRequest} request
   * @param {string} key one order, however often it is sent
   * @returns {Promise<Order & { position: string | null }>}
   */
  async placeOrder(request, key) {
    const { data, position } = await this.#json("POST", "/mobile/checkout", { body: request, headers: keyed(key) });
    return { ...read.order(data), position };
  }

  /**
   * @param {string} [cursor]
   * @returns {Promise<OrderList>}
   */
  async orders(cursor) {
    const { data } = await this.#json("GET", this.#path("/orders", { cursor }));
    return read.orderList(data);
  }

  /**
   * @param {string} id
   * @param {{ minPosition?: string | null }} [options]
   * @returns {Promise<Order>}
   */
  async order(id, { minPosition } = {}) {
    const path = this.#path(`/orders/${encodeURIComponent(id)}`, { min_position: minPosition });
    const { data, degraded } = await this.#json("GET", path);
    return read.trackedOrder(data, Object.keys(degraded));
  }

  /**
   * @param {string} id
   * @returns {Promise<Order & { position: string | null }>}
   */
  async cancelOrder(id) {
    const { data, position } = await this.#json("POST", `/mobile/orders/${encodeURIComponent(id)}/cancel`);
    return { ...read.order(data), position };
  }

  /**
   * The stages that an order comes to, until there is nothing more to come.
   *
   * @param {string} id
   * @param {{ lastEventId?: string, signal?: AbortSignal }} [options]
   * @returns {AsyncGenerator<OrderEvent>}
   */
  async *orderEvents(id, { lastEventId, signal } = {}) {
    const response = await this.#send("GET", `/mobile/orders/${encodeURIComponent(id)}/events`, {
      headers: { accept: "text/event-stream", ...(lastEventId ? { "last-event-id": lastEventId } : {}) },
      signal,
    });
    for await (const event of readEvents(response)) {
      const { stage, status } = JSON.parse(event.data);
      yield { id: event.id, stage, status };
    }
  }

  /**
   * What has changed in the catalogue since the cursor; everything without one, page by page.
   *
   * @param {string | null} cursor
   * @returns {Promise<Changes>}
   */
  async sync(cursor) {
    const { data } = await this.#json("GET", this.#path("/sync", { cursor, dpr: this.#dpr }));
    return read.changes(data);
  }

  /** @returns {Promise<Config>} */
  async config() {
    const { data } = await this.#json("GET", "/mobile/config");
    return read.config(data);
  }

  /**
   * @param {string} path
   * @param {Record<string, import("../shared/query-string.js").Value>} query
   */
  #path(path, query) {
    return `/mobile${path}${queryString(query)}`;
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {Options} [options]
   */
  async #json(method, path, options) {
    return this.#renewing(() => this.#http.json(method, path, options));
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {Options} [options]
   */
  async #send(method, path, options) {
    return this.#renewing(() => this.#http.send(method, path, options));
  }

  /**
   * A call, once more with another token when its token was refused.
   *
   * @template Value
   * @param {() => Promise<Value>} call
   * @returns {Promise<Value>}
   */
  async #renewing(call) {
    try {
      return await call();
    } catch (error) {
      if (error instanceof ApiError && error.status === 401 && (await this.#renew())) {
        return call();
      }
      throw error;
    }
  }
}

/** @param {string | undefined} key @returns {Record<string, string>} */
const keyed = (key) => (key ? { "idempotency-key": key } : {});
