/** News of the brands that the customer follows: what is new, cheaper or back in stock, newest first. */

import { fill, h } from "../../shared/dom.js";
import { ApiError } from "../../shared/http.js";
import { moment, plural, price } from "../format.js";
import { productPath } from "./card.js";
import { pictureOf } from "./picture.js";
import { refusalText } from "./problem.js";

/**
 * The section of the start page; nothing while there are no news.
 *
 * @param {import("../app.js").App} app
 * @param {import("../models.js").Feed} feed
 */
export function newsSection({ api, news, notices }, { items: first, newest, next }) {
  let items = first;
  if (!newest || (items.length === 0 && news.unread === 0)) {
    return null;
  }
  const list = h("ul", { class: "news" }, ...items.map(newsItem));
  const state = h("p", { class: "news-state", role: "status" });
  const read = async () => {
    try {
      await news.markRead(newest);
      items = items.map((item) => ({ ...item, isUnread: false }));
      fill(list, ...items.map(newsItem));
      show();
      title.focus();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      notices.show(`Your news are still unread: ${refusalText(error)}`, { isError: true });
    }
  };
  const showOlder = async () => {
    try {
      const older = await api.olderNews(/** @type {string} */ (next));
      items = [...items, ...older.items];
      next = older.next;
      list.append(...older.items.map(newsItem));
      more.hidden = next === null;
      notices.announce(plural(older.items.length, "older one", "older ones"));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      notices.show(`Older news cannot be shown: ${refusalText(error)}`, { isError: true });
    }
  };
  const more = h("p", { class: "more", hidden: next === null }, h("button", { type: "button", class: "button", on: { click: showOlder } }, "Older news"));
  const title = h("h2", { id: "news-title", tabindex: -1 }, "From makers you follow");
  const button = h("button", { type: "button", class: "link-button", on: { click: read } }, "Mark as read");
  const show = () => {
    const { unread } = news;
    fill(state, unread > 0 ? `${unread > 99 ? "99+ are" : plural(unread, "is", "are")} new to you. ` : "You have seen them all.", unread > 0 && button);
  };
  show();
  return h(
    "section",
    { class: "page section", "aria-labelledby": "news-title" },
    title,
    state,
    list,
    more,
  );
}

/** @param {import("../models.js").NewsItem} item */
function newsItem(item) {
  return h(
    "li",
    { class: item.isUnread ? "news-item is-unread" : "news-item" },
    pictureOf(item.picture, { sizes: "8rem" }),
    h(
      "div",
      null,
      h("p", { class: "news-what" }, item.isUnread && h("span", { class: "visually-hidden" }, "Unread: "), what(item)),
      h("h3", { class: "card-name" }, h("a", { href: productPath(item.sku) }, item.name)),
      h("p", { class: "card-brand" }, item.brand, " · ", h("time", { datetime: item.at }, moment(item.at))),
    ),
  );
}

/** @param {import("../models.js").NewsItem} item */
function what({ kind, price: now, priceBefore, others }) {
  if (kind === "price_drop" && now && priceBefore) {
    return ["Now ", price(now), ", was ", h("s", null, price(priceBefore))];
  }
  if (kind === "restocked") {
    return "Back in stock";
  }
  return others ? `New, with ${others} more` : "New";
}
