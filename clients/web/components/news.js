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
export function newsSection({ news, notices }, { items, newest }) {
  if (!newest || (items.length === 0 && news.unread === 0)) {
    return null;
  }
  const list = h("ul", { class: "news" }, ...items.map(newsItem));
  const state = h("p", { class: "news-state", role: "status" });
  const read = async () => {
    try {
      await news.markRead(newest);
      fill(list, ...items.map((item) => newsItem({ ...item, isUnread: false })));
      show();
      title.focus();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      notices.show(`Your news are still unread: ${refusalText(error)}`, { isError: true });
    }
  };
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
