/**
 * The basket of this browser: changed at once, confirmed by the server, the same in all tabs.
 *
 * @typedef {import("./models.js").Basket} Basket
 * @typedef {import("./models.js").BasketLine} BasketLine
 * @typedef {import("./models.js").Article} Article
 * @typedef {{ sku: string, quantity: number, article: Article | null, isSent: boolean, done: Promise<void> }} Change
 */

const PIECES = "shop.basket.pieces";

export const MAX_QUANTITY = 999;

/** Dispatches `change` whenever what is shown of the basket has to change. */
export class BasketStore extends EventTarget {
  #api;
  #channel = new BroadcastChannel("shop.basket");
  /** The server's last answer. @type {Basket | null} */
  #confirmed = null;
  /** Changes that the server has not confirmed, in order. @type {Change[]} */
  #changes = [];
  /** @type {Promise<unknown>} */
  #lastCall = Promise.resolve();

  /** @param {import("./api.js").WebApi} api */
  constructor(api) {
    super();
    this.#api = api;
    this.#channel.onmessage = ({ data }) => this.#confirm(data);
  }

  /** The basket with all changes so far; null before it has been loaded. */
  get current() {
    return this.#confirmed && this.#changes.reduce(withQuantity, this.#confirmed);
  }

  /** How many pieces are in it, as far as this browser knows. */
  get pieces() {
    return this.current?.pieces ?? Number(localStorage.getItem(PIECES) ?? 0);
  }

  /** What another screen says about the number of pieces. @param {number} pieces */
  see(pieces) {
    if (!this.#confirmed) {
      localStorage.setItem(PIECES, String(pieces));
      this.dispatchEvent(new Event("change"));
    }
  }

  /**
   * Reads the basket, after all changes so far: an older state never comes after a newer one.
   *
   * @param {{ signal?: AbortSignal }} [options]
   */
  load(options) {
    const loaded = this.#lastCall.then(async () => {
      const answer = await this.#api.basket(options);
      this.#publish(answer.page);
      return answer;
    });
    this.#lastCall = loaded.catch(() => undefined); // the caller handles it; the next call goes on
    return loaded;
  }

  /**
   * Puts more pieces of an article in.
   *
   * @param {Article} article
   * @param {number} count
   */
  async add(article, count) {
    const basket = this.current ?? (await this.load()).page;
    const already = basket.lines.find((line) => line.sku === article.sku)?.quantity ?? 0;
    await this.set(article.sku, Math.min(MAX_QUANTITY, already + count), article);
  }

  /**
   * Sets the quantity of a product; 0 removes it. Rejects when the server refuses: then the change is undone.
   *
   * @param {string} sku
   * @param {number} quantity
   * @param {Article | null} [article] of a product that is new in it
   * @returns {Promise<void>}
   */
  set(sku, quantity, article = null) {
    const waiting = this.#changes.find((change) => change.sku === sku && !change.isSent);
    if (waiting) {
      waiting.quantity = quantity;
      this.#changed();
      return waiting.done;
    }
    /** @type {Change} */
    const change = { sku, quantity, article, isSent: false, done: this.#lastCall.then(() => this.#send(change)) };
    this.#lastCall = change.done.catch(() => undefined); // as above
    this.#changes.push(change);
    this.#changed();
    return change.done;
  }

  /** Nothing is in it any more: it has become an order. */
  clear() {
    this.#publish({ lines: [], pieces: 0, total: null, waiting: [] });
  }

  /** Another user's basket is loaded anew. */
  forget() {
    this.#confirmed = null;
  }

  /** @param {Change} change */
  async #send(change) {
    change.isSent = true;
    const { sku, quantity } = change;
    try {
      const { page } = await (quantity > 0 ? this.#api.putItem(sku, quantity) : this.#api.removeItem(sku));
      this.#changes = this.#changes.filter((each) => each !== change);
      this.#publish(page);
    } catch (error) {
      this.#changes = this.#changes.filter((each) => each !== change);
      this.#changed();
      throw error;
    }
  }

  /** @param {Basket} basket */
  #publish(basket) {
    this.#channel.postMessage(basket);
    this.#confirm(basket);
  }

  /** @param {Basket} basket */
  #confirm(basket) {
    this.#confirmed = basket;
    this.#changed();
  }

  #changed() {
    localStorage.setItem(PIECES, String(this.pieces));
    this.dispatchEvent(new Event("change"));
  }
}

/**
 * The basket as it will be.
 *
 * @param {Basket} basket
 * @param {{ sku: string, quantity: number, article: Article | null }} change
 * @returns {Basket}
 */
function withQuantity(basket, { sku, quantity, article }) {
  const known = basket.lines.some((line) => line.sku === sku);
  /** @type {BasketLine[]} */
  const added = known ? [] : [{ sku, quantity, article, total: null, priceWhenAdded: null }];
  const lines = [...basket.lines, ...added]
    .map((line) => (line.sku === sku ? { ...line, quantity, total: lineTotal(line, quantity) } : line))
    .filter((line) => line.quantity > 0);
  const totals = lines.flatMap((line) => (line.total ? [line.total] : []));
  const currency = totals[0]?.currency;
  return {
    lines,
    pieces: lines.reduce((sum, line) => sum + line.quantity, 0),
    total: currency ? { amount: totals.reduce((sum, total) => sum + total.amount, 0), currency } : null,
    waiting: basket.waiting,
  };
}

/**
 * @param {BasketLine} line
 * @param {number} quantity
 */
function lineTotal({ article }, quantity) {
  return article && { amount: article.price.amount * quantity, currency: article.price.currency };
}
