/**
 * The read models: exactly the fields that the screens use. What is not picked here, or by an operation, this client does
 * not read.
 *
 * @typedef {{ amount: number, currency: string }} Money minor units, and the ISO 4217 currency
 * @typedef {{ id: string, name: string }} Named
 * @typedef {{ id: string, name: string, count: number }} Counted
 * @typedef {{ alt: string, variants: { url: string, width: number }[] }} Picture
 * @typedef {{ average: number | null, count: number }} Stars
 * @typedef {{
 *   sku: string, name: string, brand: string, picture: Picture | null, price: Money, listPrice: Money,
 *   stars: Stars | null, available: number | null,
 * }} Card
 * @typedef {{
 *   id: string, kind: string, sku: string, name: string, brand: string, picture: Picture | null, at: string,
 *   price: Money | null, priceBefore: Money | null, isUnread: boolean, others: number,
 * }} NewsItem
 * @typedef {{
 *   items: NewsItem[], follows: string[] | null, unread: number, newest: string | null, next: string | null,
 * }} Feed `newest` is an id, `next` the cursor of older news
 * @typedef {{ types: Counted[], brands: Counted[], featured: Card[], total: number, feed: Feed }} Home
 * @typedef {{ from: number | null, to: number | null, count: number }} PriceRange
 * @typedef {{ brands: Counted[], types: Counted[], prices: PriceRange[] }} Facets
 * @typedef {{ total: number, items: Card[], facets: Facets, next: string | null }} Results
 * @typedef {{ id: string, author: string, rating: number, title: string, text: string, createdAt: string }} Review
 * @typedef {{ average: number | null, count: number, histogram: Record<string, number> }} Rating
 * @typedef {{
 *   sku: string, name: string, description: string, brand: Named, following: boolean | null, type: Named, pictures: Picture[],
 *   attributes: Record<string, unknown>, price: Money, listPrice: Money, discount: string | null,
 *   available: number | null, rating: Rating | null, reviews: Review[], related: Card[],
 * }} Product
 * @typedef {{ sku: string, name: string, picture: Picture | null, price: Money, listPrice: Money, available: number | null }} Article
 * @typedef {{ sku: string, quantity: number, article: Article | null, total: Money | null, priceWhenAdded: Money | null }} BasketLine
 * @typedef {{ sku: string, quantity: number }} WaitingItem
 * @typedef {{ lines: BasketLine[], pieces: number, total: Money | null, waiting: WaitingItem[] }} Basket
 * @typedef {{
 *   sku: string, quantity: number, name: string | null, picture: Picture | null, percentOff: number,
 *   total: Money | null, short: boolean, available: number | null, priceWhenAdded: Money | null,
 * }} CheckoutLine
 * @typedef {{ method: string, days: number, price: Money, total: Money }} Delivery
 * @typedef {{
 *   store: string, name: string, street: string, city: string, metres: number, readyAt: string, today: boolean, total: Money,
 * }} PickupOption
 * @typedef {{ place: string | null, known: boolean, options: PickupOption[] }} Pickup
 * @typedef {{
 *   basketVersion: number, lines: CheckoutLine[], subtotal: Money | null, discount: Money | null,
 *   coupon: { code: string, applied: boolean } | null, deliveries: Delivery[], pickup: Pickup | null, obstacles: string[],
 * }} Draft
 * @typedef {{ stage: string, at: string }} Milestone
 * @typedef {{ name: string, street: string, postal_code: string, city: string, country: string }} Address
 * @typedef {{ sku: string, name: string, quantity: number, percentOff: number, total: Money }} OrderLine
 * @typedef {{ name: string, street: string, postal_code: string, city: string, readyAt: string }} PickupStore
 * @typedef {{
 *   method: string, address: Address, price: Money, trackingCode: string | null, pickup: PickupStore | null,
 * }} Shipping
 * @typedef {{
 *   id: string, status: string, placedAt: string, lines: OrderLine[], subtotal: Money, discount: Money, total: Money,
 *   shipping: Shipping | null, coupon: string | null, stage: string | null, reason: string | null, timeline: Milestone[],
 *   tracking: { status: string, at: string }[],
 * }} Order
 * @typedef {{
 *   id: string, status: string, placedAt: string, pieces: number, total: Money, reason: string | null,
 *   parcel: string | null,
 * }} OrderSummary
 * @typedef {{ items: OrderSummary[], next: string | null }} OrderList
 * @typedef {{
 *   id: string, status: string, stage: string, reason: string | null, at: string, trackingCode: string | null,
 * }} OrderEvent
 * @typedef {{
 *   status: string, stage: string | null, reason: string | null, timeline: Milestone[],
 *   shipping: { trackingCode: string | null } | null, tracking: { status: string, at: string }[] | null,
 * }} Progress `tracking` is null while it is not known
 */

import { fields } from "../shared/fields.js";

/** @type {(data: any) => Money} */
const money = fields("amount", "currency");

/** @type {(data: any) => Named} */
const named = fields("id", "name");

/** @type {(data: any) => Counted} */
const counted = fields("id", "name", "count");

/** @type {(data: any) => Review} */
const review = fields("id", "author", "rating", "title", "text", "created_at");

/** @param {any} data @returns {Picture} */
const picture = ({ alt, variants }) => ({ alt, variants: variants.map(fields("url", "width")) });

/** @param {any} data @returns {Article} */
const article = (data) => ({
  ...fields("sku", "name", "available")(data),
  picture: data.image && picture(data.image),
  price: money(data.price),
  listPrice: money(data.list_price),
});

/** @param {any} data @returns {Card} */
const card = (data) => ({
  ...article(data),
  brand: data.brand.name,
  stars: data.stars && fields("average", "count")(data.stars),
});

/** @param {any} data @returns {NewsItem} */
const newsItem = (data) => ({
  ...fields("id", "kind", "sku", "name", "brand", "at", "is_unread", "others")(data),
  picture: data.image && picture(data.image),
  price: data.price && money(data.price),
  priceBefore: data.price_before && money(data.price_before),
});

/** @param {any} data @returns {Feed} */
export const feed = (data) => ({
  ...fields("follows", "unread", "newest", "next")(data),
  items: data.items.map(newsItem),
});

/** @param {any} data @returns {Home} */
export const home = (data) => ({
  types: data.types.map(counted),
  brands: data.brands.map(counted),
  featured: data.featured.map(card),
  total: data.total,
  feed: feed(data.feed),
});

/** @param {any} data @returns {Results} */
export const results = (data) => ({
  ...fields("total", "next")(data),
  items: data.items.map(card),
  facets: {
    brands: data.facets.brands.map(counted),
    types: data.facets.types.map(counted),
    prices: data.facets.prices.map(fields("from", "to", "count")),
  },
});

/** @param {any} data @returns {Product} */
export const product = (data) => ({
  ...fields("sku", "name", "description", "following", "attributes", "available")(data),
  brand: named(data.brand),
  type: named(data.type),
  pictures: data.images.map(picture),
  price: money(data.price),
  listPrice: money(data.list_price),
  discount: data.discount && data.discount.description,
  rating: data.reviews.rating && fields("average", "count", "histogram")(data.reviews.rating),
  reviews: data.reviews.latest.map(review),
  related: data.related.map(card),
});

/** @param {any} data @returns {BasketLine} */
const basketLine = (data) => ({
  ...fields("sku", "quantity")(data),
  article: data.article && article(data.article),
  total: data.total && money(data.total),
  priceWhenAdded: data.price_when_added && money(data.price_when_added),
});

/** @param {any} data @returns {Basket} */
export const basket = (data) => ({
  lines: data.lines.map(basketLine),
  pieces: data.pieces,
  total: data.total && money(data.total),
  waiting: data.waiting.map(fields("sku", "quantity")),
});

/** @param {any} data @returns {CheckoutLine} */
const checkoutLine = (data) => ({
  ...fields("sku", "quantity", "percent_off", "short", "available")(data),
  name: data.article && data.article.name,
  picture: data.article?.image ? picture(data.article.image) : null,
  total: data.total && money(data.total),
  priceWhenAdded: data.price_when_added && money(data.price_when_added),
});

/** @param {any} data @returns {Delivery} */
const delivery = (data) => ({
  ...fields("method", "days")(data),
  price: money(data.price),
  total: money(data.total),
});

/** @param {any} data @returns {PickupOption} */
const pickupOption = (data) => ({
  ...fields("store", "name", "street", "city", "metres", "ready_at", "today")(data),
  total: money(data.total),
});

/** @param {any} data @returns {Pickup} */
const pickup = (data) => ({ ...fields("place", "known")(data), options: data.options.map(pickupOption) });

/** @param {any} data @returns {Draft} */
export const draft = (data) => ({
  ...fields("basket_version", "obstacles")(data),
  lines: data.lines.map(checkoutLine),
  subtotal: data.subtotal && money(data.subtotal),
  discount: data.discount && money(data.discount),
  coupon: data.coupon && fields("code", "applied")(data.coupon),
  deliveries: data.deliveries.map(delivery),
  pickup: data.pickup && pickup(data.pickup),
});

/** @param {any} data @returns {OrderLine} */
const orderLine = (data) => ({
  ...fields("sku", "name", "quantity", "percent_off")(data),
  total: money(data.total),
});

/** @param {any} data @returns {Shipping} */
const shipping = (data) => {
  const { name, street, postal_code, city, country } = data.address;
  return {
    ...fields("method", "tracking_code")(data),
    address: { name, street, postal_code, city, country },
    price: money(data.price),
    pickup: data.pickup && {
      ...fields("name", "street", "city", "ready_at")(data.pickup),
      postal_code: data.pickup.postal_code,
    },
  };
};

/** @param {any} data @returns {Order} */
export const order = (data) => ({
  ...fields("id", "status", "placed_at", "coupon", "stage", "reason")(data),
  lines: data.lines.map(orderLine),
  subtotal: money(data.subtotal),
  discount: money(data.discount),
  total: money(data.total),
  shipping: data.shipping && shipping(data.shipping),
  timeline: data.timeline.map(fields("stage", "at")),
  tracking: [],
});

/** An order that has been read by its id: with the way of its parcel. @param {any} data @returns {Order} */
export const trackedOrder = (data) => ({ ...order(data), tracking: data.tracking.map(fields("status", "at")) });
