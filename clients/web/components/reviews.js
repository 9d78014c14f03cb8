/** What customers think of a product: how they have rated it, and the newest reviews. */

import { h } from "../../shared/dom.js";
import { day, plural } from "../format.js";
import { starsOf } from "./price.js";
import { lineSkeletons } from "./skeletons.js";

const RATINGS = [5, 4, 3, 2, 1];

/**
 * @param {import("../models.js").Product} product
 * @param {boolean} isComplete whether all parts have arrived
 */
export function reviewsOf({ rating, reviews }, isComplete) {
  if (rating === null && reviews.length === 0) {
    return isComplete
      ? h("p", { class: "muted" }, "Reviews cannot be shown right now.")
      : h("div", { class: "review-skeleton" }, ...lineSkeletons(4));
  }
  if (rating?.count === 0) {
    return h("p", { class: "muted" }, "Nobody has reviewed it yet.");
  }
  return h(
    "div",
    { class: "reviews" },
    rating ? summaryOf(rating) : h("p", { class: "muted" }, isComplete ? "The rating cannot be shown right now." : ""),
    reviews.length > 0
      ? h("ol", { class: "review-list" }, ...reviews.map((review) => h("li", null, reviewOf(review))))
      : h("p", { class: "muted" }, isComplete ? "Reviews cannot be shown right now." : ""),
  );
}

/** @param {import("../models.js").Rating} rating */
function summaryOf({ average, count, histogram }) {
  const most = Math.max(1, ...Object.values(histogram));
  const rows = RATINGS.map((stars) => {
    const number = histogram[stars] ?? 0;
    const filled = h("span", { class: "histogram-bar" });
    filled.style.inlineSize = `${(number / most) * 100}%`;
    return h(
      "tr",
      null,
      h("th", { scope: "row" }, plural(stars, "star")),
      h("td", { "aria-hidden": "true", class: "histogram-track" }, filled),
      h("td", { class: "count" }, number),
    );
  });
  return h(
    "div",
    { class: "rating-summary" },
    average !== null &&
      h(
        "p",
        { class: "rating-average" },
        h("strong", null, average.toFixed(1)),
        starsOf(average, `${average} of 5 stars`),
        h("span", null, plural(count, "review")),
      ),
    h(
      "table",
      { class: "histogram" },
      h("caption", { class: "visually-hidden" }, "Reviews by rating"),
      h("tbody", null, ...rows),
    ),
  );
}

/** @param {import("../models.js").Review} review */
function reviewOf({ author, rating, title, text, createdAt }) {
  return h(
    "article",
    { class: "review" },
    h("h3", null, title),
    h(
      "p",
      { class: "review-by" },
      starsOf(rating, `${rating} of 5 stars`),
      h("span", null, `${author}, ${day(createdAt)}`),
    ),
    h("p", null, text),
  );
}
