/** The news of the brands that the customer follows, as far as this browser knows. */

/** Dispatches `change` when there are more or fewer unread news, or another brand is followed. */
export class NewsStore extends EventTarget {
  #api;
  /** How many are unread: 100 for as many or more. */
  unread = 0;
  /** The ids of the brands that the customer follows. @type {Set<string>} */
  follows = new Set();

  /** @param {import("./api.js").WebApi} api */
  constructor(api) {
    super();
    this.#api = api;
  }

  /** What the start page says. @param {import("./models.js").Feed} feed */
  see({ follows, unread }) {
    this.follows = new Set(follows);
    this.unread = unread;
    this.dispatchEvent(new Event("change"));
  }

  /**
   * @param {string} brand
   * @param {boolean} wanted whether it is to be followed
   */
  async follow(brand, wanted) {
    const { following } = await (wanted ? this.#api.follow(brand) : this.#api.unfollow(brand));
    if (following) {
      this.follows.add(brand);
    } else {
      this.follows.delete(brand);
    }
    this.dispatchEvent(new Event("change"));
    return following;
  }

  /** Marks news up to an id as read. @param {string} id */
  async markRead(id) {
    this.unread = (await this.#api.markRead(id)).unread;
    this.dispatchEvent(new Event("change"));
  }
}
