/** The product page, drawn as its parts arrive. */

import { fill, h } from "../../shared/dom.js";
import { cardItems, shownCard } from "../components/card.js";
import { degradedNote } from "../components/degraded.js";
import { followButton } from "../components/follow-button.js";
import { galleryOf } from "../components/gallery.js";
import { priceOf, starsOf } from "../components/price.js";
import { refusalText } from "../components/problem.js";
import { quantityOf } from "../components/quantity.js";
import { reviewsOf } from "../components/reviews.js";
import { bar, cardSkeletons, lineSkeletons } from "../components/skeletons.js";
import { attributeRows, plural } from "../format.js";

const RELATED = 6;
const FEW = 5;

/**
 * @param {import("../app.js").App} app
 * @returns {import("../../shared/router.js").Open}
 */
export function productPage(app) {
  return (visit) => {
    const page = new ProductPage(app, visit);
    return { element: page.element, ready: page.load() };
  };
}

class ProductPage {
  #app;
  #visit;
  #sku;
  /** The product of the parts so far. @type {import("../models.js").Product | null} */
  #product = null;
  #crumbs = h("nav", { class: "crumbs", "aria-label": "You are here" }, bar("10rem"));
  #pictures = h("div", { class: "product-pictures" });
  #maker = h("p", { class: "product-maker" }, bar("8rem"));
  #follow = h("span", { class: "product-follow" });
  #heading = h("h1", null);
  #rating = h("p", { class: "product-rating" });
  #price = h("div", { class: "product-price" }, h("p", { class: "price" }, bar("6rem")));
  #stock = h("p", { class: "stock" });
  #buy = h("form", { class: "buy" });
  #quantity = quantityOf({ name: "this article", quantity: 1, id: "quantity" });
  #description = h("div", { class: "product-description" }, ...lineSkeletons(6));
  #attributes = h("dl", { class: "attributes" });
  #reviews = h("div", null, ...lineSkeletons(4));
  #related = h("ul", { class: "cards related" }, ...cardSkeletons(RELATED));
  #note = h("div", { class: "note" });

  /**
   * @param {import("../app.js").App} app
   * @param {import("../../shared/router.js").Visit} visit
   */
  constructor(app, visit) {
    this.#app = app;
    this.#visit = visit;
    this.#sku = visit.params.sku ?? "";
    this.element = h(
      "div",
      { class: "page product-page", "aria-busy": "true" },
      h("div", { class: "product-head" }, this.#crumbs, this.#note),
      h(
        "div",
        { class: "product-main" },
        this.#pictures,
        h(
          "div",
          { class: "product-facts" },
          h("div", { class: "product-by" }, this.#maker, this.#follow),
          this.#heading,
          this.#rating,
          this.#price,
          this.#stock,
          this.#buy,
          this.#description,
          this.#attributes,
        ),
      ),
      h(
        "section",
        { id: "reviews", class: "section", "aria-labelledby": "reviews-title" },
        h("h2", { id: "reviews-title" }, "Reviews"),
        this.#reviews,
      ),
      h(
        "section",
        { class: "section", "aria-labelledby": "related-title" },
        h("h2", { id: "related-title" }, "Goes well with it"),
        this.#related,
      ),
    );
    this.#begin();
  }

  async load() {
    const parts = this.#app.api.streamProduct(this.#sku, { signal: this.#visit.signal });
    for await (const { product, degraded, complete } of parts) {
      this.#show(product, complete);
      if (complete) {
        fill(this.#note, degradedNote(degraded));
        this.element.removeAttribute("aria-busy");
      }
    }
  }

  /** What the card of the product has said, where there was one. */
  #begin() {
    const card = shownCard(this.#sku);
    if (card) {
      fill(this.#pictures, galleryOf(card.picture ? [card.picture] : []));
      this.#pictures.firstElementChild?.append(h("div", { class: "gallery-choices" }));
      fill(this.#maker, card.brand);
      fill(this.#price, priceOf(card.price, card.listPrice));
      this.#name(card.name);
    } else {
      const picture = h("div", { class: "gallery-large" }, h("div", { class: "picture skeleton" }));
      fill(this.#pictures, h("div", { class: "gallery" }, picture, h("div", { class: "gallery-choices" })));
      fill(this.#heading, bar("80%"));
    }
    this.#drawBuy(card !== null);
  }

  /** @param {string} name */
  #name(name) {
    this.#heading.textContent = name;
    this.#quantity.rename(name);
    this.#visit.setTitle(name);
  }

  /**
   * Draws what differs from the parts before.
   *
   * @param {import("../models.js").Product} product
   * @param {boolean} isComplete
   */
  #show(product, isComplete) {
    const before = this.#product;
    this.#product = product;
    if (before === null) {
      this.#showProduct(product);
    }
    fill(
      this.#price,
      priceOf(product.price, product.listPrice),
      product.discount && h("p", { class: "discount" }, product.discount),
    );
    this.#showStock(product.available, isComplete);
    this.#showRating(product.rating, isComplete);
    const differs = (/** @type {keyof import("../models.js").Product} */ name) =>
      JSON.stringify(before?.[name]) !== JSON.stringify(product[name]);
    const hasOpinion = product.reviews.length > 0 && product.rating !== null;
    if (isComplete || (hasOpinion && (differs("reviews") || differs("rating")))) {
      fill(this.#reviews, reviewsOf(product, isComplete));
    }
    if (product.following !== null && before?.following !== product.following) {
      fill(this.#follow, followButton(this.#app, product.brand, product.following));
    }
    if (isComplete || differs("related")) {
      this.#showRelated(product.related, isComplete);
    }
  }

  /** @param {import("../models.js").Product} product */
  #showProduct({ name, brand, type, pictures, description, attributes }) {
    const inType = `/search?type=${encodeURIComponent(type.id)}`;
    const items = [
      ["Shop", "/"],
      [type.name, inType],
    ].map(([label, href]) => h("li", null, h("a", { href }, label)));
    fill(this.#crumbs, h("ol", { class: "crumb-list" }, ...items));
    fill(this.#pictures, galleryOf(pictures));
    fill(this.#maker, h("a", { href: `/search?brand=${encodeURIComponent(brand.id)}` }, brand.name));
    this.#name(name);
    fill(this.#description, h("p", null, description));
    const rows = attributeRows(attributes).map(([label, text]) =>
      h("div", null, h("dt", null, label), h("dd", null, text)),
    );
    fill(this.#attributes, ...rows);
  }

  /**
   * @param {number | null} available
   * @param {boolean} isComplete
   */
  #showStock(available, isComplete) {
    const button = this.#buy.querySelector("button.primary");
    button?.toggleAttribute("disabled", available === 0);
    this.#quantity.limit(available);
    this.#stock.className = "stock";
    if (available === null) {
      this.#stock.textContent = isComplete ? "We cannot see the stock right now; you can order all the same." : " ";
      return;
    }
    this.#stock.classList.add(available === 0 ? "is-gone" : available <= FEW ? "is-low" : "is-there");
    this.#stock.textContent = available === 0 ? "Sold out" : available <= FEW ? `Only ${available} left` : "In stock";
  }

  /**
   * @param {import("../models.js").Rating | null} rating
   * @param {boolean} isComplete
   */
  #showRating(rating, isComplete) {
    if (rating && rating.average !== null) {
      const link = h("a", { href: "#reviews" }, plural(rating.count, "review"));
      fill(this.#rating, starsOf(rating.average, `${rating.average} of 5 stars`), link);
    } else if (isComplete) {
      fill(
        this.#rating,
        h("span", { class: "muted" }, rating ? "Not reviewed yet" : "The rating cannot be shown right now."),
      );
    }
  }

  /**
   * @param {import("../models.js").Card[]} related
   * @param {boolean} isComplete
   */
  #showRelated(related, isComplete) {
    if (related.length > 0) {
      fill(this.#related, ...cardItems(related));
    } else if (isComplete) {
      fill(this.#related, h("li", { class: "muted" }, "Nothing to show right now."));
    }
  }

  /** What the basket shows until the server has answered; null before anything is known. @returns {import("../models.js").Article | null} */
  #article() {
    if (!this.#product) {
      return shownCard(this.#sku);
    }
    const { sku, name, pictures, price, listPrice, available } = this.#product;
    return { sku, name, picture: pictures[0] ?? null, price, listPrice, available };
  }

  /**
   * Drawn once: what is typed into it, and the focus, stay as the product arrives.
   *
   * @param {boolean} canBuy whether it can be put in already
   */
  #drawBuy(canBuy) {
    this.#buy.onsubmit = async (event) => {
      event.preventDefault();
      const article = this.#article();
      if (!article) {
        return;
      }
      const count = this.#quantity.value();
      const { basket, notices } = this.#app;
      const action = { text: "See the basket", href: "/basket" };
      try {
        const added = basket.add(article, count);
        notices.show(`${count === 1 ? article.name : `${count} × ${article.name}`}: in the basket.`, { action });
        await added;
      } catch (error) {
        notices.show(`${article.name} is not in the basket: ${refusalText(error)}`, { isError: true });
      }
    };
    fill(
      this.#buy,
      this.#quantity.element,
      h("button", { class: "button primary", disabled: !canBuy }, "Add to basket"),
    );
  }
}
