/**
 * What all screens share: who is logged in, the basket as it is and as it waits, and whether the shop can be reached.
 *
 * It dispatches `basket`, `news`, `session` and `network` when one of these has changed, `replayed` with what was sent, `as-of` with the
 * time of what a screen shows, and `refused` with why what it shows can no longer be shown.
 *
 * @typedef {import("./models.js").Basket} Basket
 * @typedef {import("./outbox.js").Action} Action
 * @typedef {import("./outbox.js").Entry} Entry
 * @typedef {import("./outbox.js").Replay} Replay
 * @typedef {import("./auth.js").User} User
 */

import { ApiError } from "../shared/http.js";
import { shownBasket } from "./basket.js";
import { Outbox } from "./outbox.js";

const RETRY_AFTER = 5; // seconds
const GUEST = "";

export class App extends EventTarget {
  /** @type {Basket | null} */
  #basket = null;
  /** @type {Entry[]} */
  #entries = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #user;
  #settled = Promise.resolve();
  #unread = 0;

  /**
   * @param {{
   *   api: import("./api.js").MobileApi,
   *   auth: import("./auth.js").Auth,
   *   store: import("./store.js").Store,
   *   language: string,
   * }} parts
   */
  constructor({ api, auth, store, language }) {
    super();
    this.api = api;
    this.auth = auth;
    this.store = store;
    this.language = language;
    this.isReachable = navigator.onLine;
    this.#user = auth.user?.sub ?? GUEST;
    this.outbox = new Outbox({
      store,
      calls: ({ user, dpr }) => api.as(user, dpr),
      dpr: () => devicePixelRatio,
      user: () => this.#user,
      exclusively: (work) => navigator.locks.request("outbox", work),
      onChange: () => void this.#reload(),
    });
    auth.onChange = (user) => {
      this.#settled = this.#settled.then(() => this.#changeUser(user));
    };
    addEventListener("online", () => void this.flush());
    addEventListener("offline", () => this.setReachable(false));
  }

  /** The id of who is or was logged in; empty for a guest. */
  get user() {
    return this.#user;
  }

  get isGuest() {
    return this.#user === GUEST;
  }

  get basket() {
    return shownBasket(this.#basket, this.#entries, this.language);
  }

  /** How many news of followed brands are unread, as far as this phone knows: 100 for as many or more. */
  get unread() {
    return this.#unread;
  }

  /** @param {number} unread */
  setUnread(unread) {
    this.#unread = unread;
    this.dispatchEvent(new Event("news"));
  }

  get entries() {
    return this.#entries;
  }

  /** Reads what this phone has stored of the user. */
  async open() {
    this.#basket = this.isGuest ? null : ((await this.store.screen(this.#user, "basket"))?.body ?? null);
    await this.#reload();
  }

  /** Waits until the phone has what belongs to who is logged in now. */
  settled() {
    return this.#settled;
  }

  /** @param {boolean} isReachable */
  setReachable(isReachable) {
    if (this.isReachable !== isReachable) {
      this.isReachable = isReachable;
      this.dispatchEvent(new Event("network"));
    }
  }

  /** The shop's basket has been read. @param {Basket} basket */
  async setBasket(basket) {
    this.#basket = basket;
    await this.#reload();
  }

  /**
   * Stores an action, and begins to send it when the network is there.
   *
   * @param {Action} action
   * @returns {Promise<{ entry: Entry, sent: Promise<Replay | null> }>} once it is stored
   */
  async act(action) {
    const entry = await this.outbox.add(action);
    return { entry, sent: this.flush() };
  }

  /**
   * Sends what waits. A guest's waits for the login.
   *
   * @returns {Promise<Replay | null>}
   */
  async flush() {
    clearTimeout(this.#timer);
    if (this.isGuest || !navigator.onLine || !(await this.outbox.entries()).some(isOpen)) {
      return null;
    }
    const replay = await this.outbox.replay();
    const isOfUser = replay.user === this.#user;
    if (replay.basket && isOfUser) {
      this.#basket = replay.basket;
      await this.store.putScreen(replay.user, "basket", replay.basket, Date.now());
    }
    if (replay.orders.length > 0 && isOfUser) {
      this.#basket = { lines: [], total: null, waiting: [] };
      await this.store.putScreen(replay.user, "basket", this.#basket, Date.now());
    }
    await this.#reload();
    if (replay.error && ![401, 426].includes(replay.error.status)) {
      this.#timer = setTimeout(() => void this.flush(), 1000 * (replay.error.retryAfter ?? RETRY_AFTER));
    }
    this.dispatchEvent(new CustomEvent("replayed", { detail: replay }));
    return replay;
  }

  /** Ends the login, and removes what this phone has stored of the user; false when the issuer could not be reached. */
  async logOut() {
    const user = this.#user;
    try {
      await this.auth.logOut();
    } catch (error) {
      if (!(error instanceof ApiError)) {
        throw error;
      }
      return false;
    } finally {
      await this.store.dropUser(user);
    }
    return true;
  }

  async #reload() {
    this.#entries = await this.outbox.entries();
    this.dispatchEvent(new Event("basket"));
  }

  /** @param {User | null} user */
  async #changeUser(user) {
    const before = this.#user;
    this.#user = user?.sub ?? GUEST;
    if (before !== GUEST && before !== this.#user) {
      await this.store.dropUser(before, { outbox: false });
    }
    if (before === GUEST && user) {
      await this.store.adoptEntries(GUEST, user.sub);
    }
    if (before !== this.#user) {
      this.setUnread(0);
      await this.open();
    }
    this.dispatchEvent(new Event("session"));
  }
}

/** @param {Entry} entry */
export const isOpen = (entry) => !entry.refusal && entry.notice === undefined;
