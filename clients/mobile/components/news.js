/** News of the brands that the customer follows, and the button that follows one. */

import { fill, h } from "../../shared/dom.js";
import { ApiError } from "../../shared/http.js";
import { hidden, pictureOf, productPath } from "./parts.js";

/**
 * What is new, cheaper or back in stock, newest first; nothing while there is nothing.
 *
 * @param {import("../main.js").Shared} shared
 * @param {import("../models.js").NewsItem[]} first
 * @param {string | null} newest the id of the newest, whose article may be gone
 * @param {string | null} next the cursor of older ones
 */
export function newsOf(shared, first, newest, next) {
  let news = first;
  if (!newest || (news.length === 0 && shared.app.unread === 0)) {
    return null;
  }
  const list = h("ul", { class: "companions scroller" }, ...news.map(item));
  const read = async () => {
    const marked = await tried(shared, () => shared.app.api.markRead(newest), null);
    if (marked) {
      shared.app.setUnread(marked.unread);
      news = news.map((each) => ({ ...each, isUnread: false }));
      fill(list, ...news.map(item));
      fill(state, marked.unread === 0 ? "You have seen them all." : "There are newer ones since.");
      button.remove();
      title.focus();
    }
  };
  const showOlder = async () => {
    const older = await tried(shared, () => shared.app.api.olderNews(/** @type {string} */ (next)), null);
    if (older) {
      news = [...news, ...older.news];
      next = older.next;
      list.append(...older.news.map(item));
      more.hidden = next === null;
    }
  };
  const more = h("button", { type: "button", class: "button plain", hidden: next === null, on: { click: showOlder } }, "Older news");
  const title = h("h2", { id: "news", class: "section-title", tabindex: -1 }, "From makers you follow");
  const state = h("p", { class: "hint", role: "status" });
  const button = h("button", { type: "button", class: "button plain", on: { click: read } }, "Mark as read");
  return h(
    "section",
    { class: "news", "aria-labelledby": "news" },
    title,
    state,
    list,
    shared.app.unread > 0 ? button : null,
    more,
  );
}

/** @param {import("../models.js").NewsItem} news */
function item(news) {
  return h(
    "li",
    { class: "companion" },
    h(
      "a",
      { class: "card-link", href: productPath(news.sku) },
      pictureOf(news.image),
      h("h3", { class: "card-name" }, news.name),
    ),
    h("p", { class: news.isUnread ? "news-what is-unread" : "news-what" }, news.isUnread ? hidden("Unread: ") : null, what(news)),
  );
}

/** @param {import("../models.js").NewsItem} news */
function what({ kind, price, was, others }) {
  if (kind === "price_drop" && price && was) {
    return `Now ${price}, was ${was}`;
  }
  if (kind === "restocked") {
    return "Back in stock";
  }
  return others ? `New, with ${others} more` : "New";
}

/**
 * The button that follows the brand of a product; nothing while it is not known whether it is followed.
 *
 * @param {import("../main.js").Shared} shared
 * @param {import("../models.js").Product} product
 */
export function followButton(shared, { brand, brandId, following }) {
  if (following === null) {
    return null;
  }
  const { api } = shared.app;
  let isFollowed = following;
  const button = h("button", { type: "button", class: "chip follow" });
  const show = () => fill(button, isFollowed ? "Following" : "Follow", hidden(` ${brand}`));
  button.addEventListener("click", async () => {
    const change = () => (isFollowed ? api.unfollow(brandId) : api.follow(brandId));
    isFollowed = (await tried(shared, change, { following: isFollowed })).following;
    show();
  });
  show();
  return button;
}

/**
 * What a call answers; when it fails, that is said, and things are as before.
 *
 * @template Value
 * @template Before
 * @param {import("../main.js").Shared} shared
 * @param {() => Promise<Value>} call
 * @param {Before} before
 * @returns {Promise<Value | Before>}
 */
async function tried({ notices }, call, before) {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    notices.toast(error.status === 0 ? "There is no network for this right now." : error.message);
    return before;
  }
}
