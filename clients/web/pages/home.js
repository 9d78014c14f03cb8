/** The start page: what the shop is, its departments, some of its articles, its makers. */

import { fill, h } from "../../shared/dom.js";
import { cardItems, productPath } from "../components/card.js";
import { degradedNote } from "../components/degraded.js";
import { followButton } from "../components/follow-button.js";
import { newsSection } from "../components/news.js";
import { pictureOf } from "../components/picture.js";
import { bar, cardSkeletons } from "../components/skeletons.js";
import { plural } from "../format.js";

/** The articles of the opening picture, which the list below does not repeat. */
const OPENING = 3;
const LISTED = 8;
const DEPARTMENTS = 8;

/**
 * @param {import("../app.js").App} app
 * @returns {import("../../shared/router.js").Open}
 */
export function homePage(app) {
  return ({ signal, setTitle }) => {
    const opening = h("ul", { class: "opening-pictures", "aria-label": "From the shop" }, ...pictureSkeletons());
    const count = h("p", { class: "opening-count" }, bar("14rem"));
    const departments = h("ul", { class: "departments" }, ...departmentSkeletons());
    const shelf = h("ul", { class: "cards" }, ...cardSkeletons(LISTED));
    const makers = h("ul", { class: "makers" }, h("li", null, bar("100%")));
    const note = h("div", { class: "page note" });
    const news = h("div", null);
    setTitle("");
    const ready = app.api.home({ signal }).then(({ page, degraded }) => {
      fill(opening, ...page.featured.slice(0, OPENING).map(openingPicture));
      fill(count, `${plural(page.total, "article")} by ${plural(page.brands.length, "maker")}`);
      fill(departments, ...page.types.map(department));
      fill(shelf, ...cardItems(page.featured.slice(OPENING, OPENING + LISTED)));
      app.news.see(page.feed);
      fill(news, newsSection(app, page.feed));
      fill(makers, ...page.brands.map((brand) => maker(app, brand, page.feed.follows)));
      fill(note, degradedNote(degraded));
      element.removeAttribute("aria-busy");
    });
    const element = h(
      "div",
      { class: "home", "aria-busy": "true" },
      h(
        "section",
        { class: "page opening" },
        h(
          "div",
          { class: "opening-words" },
          h("h1", null, "For those who write, print and bind"),
          h(
            "p",
            { class: "lead" },
            "Pens that start, inks that stay, papers that take both: tools by small makers, chosen because they last.",
          ),
          h("p", { class: "actions" }, h("a", { class: "button primary", href: "/search" }, "Browse everything")),
          count,
        ),
        opening,
      ),
      note,
      news,
      section("departments-title", "Departments", departments),
      section("shelf-title", "From the shelves", shelf),
      section("makers-title", "The makers", makers),
    );
    return { element, ready };
  };
}

/**
 * @param {string} id
 * @param {string} title
 * @param {HTMLElement} content
 */
function section(id, title, content) {
  return h("section", { class: "page section", "aria-labelledby": id }, h("h2", { id }, title), content);
}

/**
 * The first is large, and loaded before all others.
 *
 * @param {import("../models.js").Card} card
 * @param {number} index
 */
function openingPicture(card, index) {
  const isFirst = index === 0;
  const place = { sizes: isFirst ? "(min-width: 60rem) 26rem, 60vw" : "(min-width: 60rem) 13rem, 30vw", isFirst };
  return h(
    "li",
    null,
    h(
      "a",
      { href: productPath(card.sku) },
      pictureOf(card.picture, place),
      h("span", { class: "opening-name" }, card.name),
    ),
  );
}

/** @param {import("../models.js").Counted} type */
function department({ id, name, count }) {
  return h(
    "li",
    null,
    h("a", { href: `/search?type=${encodeURIComponent(id)}` }, name, h("span", { class: "count" }, count)),
  );
}

/**
 * @param {import("../app.js").App} app
 * @param {import("../models.js").Counted} brand
 * @param {string[] | null} follows the ids of the brands that the customer follows; null while they are not known
 */
function maker(app, { id, name, count }, follows) {
  const label = `${name}, ${plural(count, "article")}`;
  return h(
    "li",
    null,
    h("a", { href: `/search?brand=${encodeURIComponent(id)}`, "aria-label": label }, name),
    h("span", { class: "count", "aria-hidden": "true" }, count),
    app.session.user && follows && followButton(app, { id, name }, follows.includes(id)),
  );
}

function pictureSkeletons() {
  return Array.from({ length: OPENING }, () =>
    h("li", { "aria-hidden": "true" }, h("div", { class: "picture skeleton" })),
  );
}

function departmentSkeletons() {
  return Array.from({ length: DEPARTMENTS }, () =>
    h("li", { "aria-hidden": "true" }, h("span", { class: "department-skeleton" }, bar("60%"))),
  );
}
