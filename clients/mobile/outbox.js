/**
 * What the customer has done and the shop does not know yet: basket changes and orders, in their order.
 *
 * Each has an idempotency key and is stored before it is sent, so that it survives the app and is carried out once.
 * What the shop refuses stays, with the reason, until the customer has seen it.
 *
 * @typedef {import("./models.js").Basket} Basket
 * @typedef {import("./models.js").BasketLine} BasketLine
 * @typedef {import("./models.js").Money} Money
 * @typedef {import("./models.js").Order} Order
 * @typedef {import("./models.js").OrderRequest} OrderRequest
 * @typedef {{ name: string | null, price: string | null, amount: Money | null, image: string | null }} Seen
 * @typedef {{ status: number, kind: string, title: string, detail: string, problem: Record<string, unknown> }} Refusal
 * @typedef {{
 *   id: number, user: string, key: string, dpr?: number, at: number, kind: "add" | "set" | "remove" | "order",
 *   sku?: string, quantity?: number, target?: number, seen?: Seen, isSent?: boolean,
 *   request?: OrderRequest, near?: import("../shared/place-field.js").Near, total?: string, refusal?: Refusal, notice?: string,
 * }} Entry `dpr` is the display's density when it was stored: it is part of the request, which is the same however often it is
 *   sent; `target` is the quantity that an `add` comes to, fixed before it is first sent; `near` is where the
 *   customer looked for stores, and `total` what they saw of an order; `notice` is there once it is done and has something to say
 * @typedef {Pick<Entry, "kind" | "sku" | "quantity" | "seen" | "request" | "near" | "total">} Action
 * @typedef {{
 *   entries(user: string): Promise<Entry[]>, addEntry(entry: Omit<Entry, "id">): Promise<Entry>,
 *   updateEntry(id: number, change: (entry: Entry) => Entry | null): Promise<Entry | null>,
 *   deleteEntry(id: number): Promise<void>,
 * }} EntryStore
 * @typedef {Pick<import("./api.js").MobileApi, "basket" | "putItem" | "removeItem" | "placeOrder">} Calls
 * @typedef {{ user: string, basket: Basket | null, orders: (Order & { position: string | null, key: string })[], error: ApiError | null }} Replay
 */

import { ApiError } from "../shared/http.js";

const TRANSIENT = new Set([0, 401, 408, 425, 426, 429]);

/** @param {ApiError} error */
function isTransient(error) {
  return TRANSIENT.has(error.status) || error.status >= 500 || error.kind === "request-in-progress";
}

export class Outbox {
  /** @type {Promise<Replay> | null} */
  #replay = null;
  #again = false;

  /**
   * @param {{
   *   store: EntryStore,
   *   calls: (entry: Entry) => Calls,
   *   user: () => string,
   *   exclusively?: <Value>(work: () => Promise<Value>) => Promise<Value>,
   *   newKey?: () => string,
   *   dpr?: () => number,
   *   now?: () => number,
   *   onChange?: () => void,
   * }} settings `calls`: those on behalf of an entry's user, which fail when somebody else is
   *   logged in; `exclusively` keeps other tabs from replaying at the same time
   */
  constructor({ store, calls, user, exclusively, newKey, dpr = () => 2, now = Date.now, onChange = () => {} }) {
    this.store = store;
    this.calls = calls;
    this.user = user;
    this.exclusively = exclusively ?? ((work) => work());
    this.newKey = newKey ?? (() => crypto.randomUUID());
    this.dpr = dpr;
    this.now = now;
    this.onChange = onChange;
  }

  entries() {
    return this.store.entries(this.user());
  }

  /**
   * Stores an action; one that only corrects the last one, which was not sent yet, takes its place.
   *
   * @param {Action} action
   * @returns {Promise<Entry>}
   */
  async add(action) {
    const user = this.user();
    const last = (await this.store.entries(user)).at(-1);
    const corrected = last && (await this.store.updateEntry(last.id, (entry) => correctedBy(entry, action)));
    const entry = corrected ?? (await this.store.addEntry({ ...action, user, key: this.newKey(), dpr: this.dpr(), at: this.now() }));
    this.onChange();
    return entry;
  }

  /**
   * Removes a refused or done entry that the customer has seen, or an order that is not to be placed.
   *
   * @param {number} id
   */
  async dismiss(id) {
    await this.store.deleteEntry(id);
    this.onChange();
  }

  /**
   * Sends what waits, one after the other, until nothing does or the network fails.
   *
   * @returns {Promise<Replay>} whose it was; the basket after the last change; the orders placed; the error that stopped it
   */
  replay() {
    if (this.#replay) {
      this.#again = true; // something may have been added after the last look
      return this.#replay;
    }
    this.#replay = this.exclusively(() => this.#sendAll()).finally(() => {
      this.#replay = null;
    });
    return this.#replay;
  }

  async #sendAll() {
    /** @type {Replay} */
    let replay = { user: this.user(), basket: null, orders: [], error: null };
    do {
      this.#again = false;
      const user = this.user();
      if (user !== replay.user) {
        replay = { user, basket: null, orders: [], error: null };
      }
      for (;;) {
        const entries = await this.store.entries(user);
        const next = entries.find((entry) => !entry.refusal && entry.notice === undefined);
        if (!next || !user || user !== this.user()) {
          break;
        }
        try {
          await this.#send(next, replay);
        } catch (error) {
          if (!(error instanceof ApiError)) {
            throw error;
          }
          if (isTransient(error)) {
            replay.error = error;
            return replay;
          }
          const refusal = refusalOf(error);
          await this.store.updateEntry(next.id, (entry) => ({ ...entry, refusal }));
        }
        this.onChange();
      }
    } while (this.#again);
    return replay;
  }

  /**
   * @param {Entry} entry
   * @param {Replay} replay
   */
  async #send(entry, replay) {
    const api = this.calls(entry);
    if (entry.kind === "order") {
      const request = /** @type {OrderRequest} */ (entry.request);
      const order = await api.placeOrder(request, entry.key);
      replay.orders.push({ ...order, key: entry.key });
      replay.basket = null;
      await this.store.deleteEntry(entry.id);
      return;
    }
    const sku = entry.sku ?? "";
    let present = 0;
    if (entry.kind === "add" && entry.target === undefined) {
      const basket = replay.basket ?? (await api.basket());
      present = basket.lines.find((line) => line.sku === sku)?.quantity ?? 0;
    }
    const sent = await this.store.updateEntry(entry.id, (now) => {
      const target = now.target ?? (now.quantity ?? 0) + (now.kind === "add" ? present : 0);
      return { ...now, target, isSent: true };
    });
    if (!sent) {
      return; // dismissed meanwhile
    }
    const isRemoval = sent.kind === "remove";
    replay.basket = isRemoval
      ? await api.removeItem(sku, sent.key)
      : await api.putItem(sku, sent.target ?? 0, sent.key);
    const notice = isRemoval ? "" : noticeOf(sent, replay.basket);
    await (notice
      ? this.store.updateEntry(sent.id, (now) => ({ ...now, notice }))
      : this.store.deleteEntry(sent.id));
  }
}

/**
 * The last entry as the action corrects it; null when it was sent already, or is about something else.
 *
 * @param {Entry} last
 * @param {Action} action
 * @returns {Entry | null}
 */
function correctedBy(last, action) {
  const isOpen = !last.isSent && !last.refusal && last.notice === undefined && last.kind !== "order";
  if (!isOpen || last.sku !== action.sku) {
    return null;
  }
  if (action.kind !== "add") {
    return { ...last, ...action };
  }
  if (last.kind === "remove") {
    return null;
  }
  return { ...last, ...action, kind: last.kind, quantity: (last.quantity ?? 0) + (action.quantity ?? 0) };
}

/** @param {ApiError} error @returns {Refusal} */
function refusalOf({ status, kind, title, detail, problem }) {
  return { status, kind, title, detail, problem };
}

/**
 * What is other than the customer saw it; an empty text when nothing is.
 *
 * @param {Entry} entry
 * @param {Basket} basket
 */
function noticeOf(entry, basket) {
  const line = basket.lines.find((each) => each.sku === entry.sku);
  const seen = entry.seen?.amount;
  if (!line?.amount || !seen || (line.amount.amount === seen.amount && line.amount.currency === seen.currency)) {
    return "";
  }
  return `The price is ${line.price} now; it was ${entry.seen?.price} when you chose it.`;
}
