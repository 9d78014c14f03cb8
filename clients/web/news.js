/** The news of the brands that the customer follows, as far as this browser knows. */

/** Dispatches `change` when there are more or fewer unread news. */
export class NewsStore extends EventTarget {
  #api;
  /** How many are unread: 100 for as many or more. */
  unread = 0;

  /** @param {import("./api.js").WebApi} api */
  constructor(api) {
    super();
    this.#api = api;
  }

  /** Nobody is logged in, or somebody else. */
  forget() {
    this.unread = 0;
    this.dispatchEvent(new Event("change"));
  }

  /** What the start page says, unless it does not know. @param {import("./models.js").Feed} feed */
  see({ follows, unread }) {
    if (!follows) return;
    this.unread = unread;
    this.dispatchEvent(new Event("change"));
  }

  /** Marks news up to an id as read. @param {string} id */
  async markRead(id) {
    this.unread = (await this.#api.markRead(id)).unread;
    this.dispatchEvent(new Event("change"));
  }
}
