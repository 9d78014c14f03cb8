/**
 * The read models: what the screens use of the mobile BFF's answers, picked field by field.
 *
 * @typedef {{ amount: number, currency: string }} Money in the currency's smallest unit
 * @typedef {{ average: number, count: number }} Stars
 * @typedef {{ id: string, name: string }} Department
 * @typedef {{
 *   sku: string, name: string, price: string, amount: Money, was: string | null, badges: string[],
 *   image: string | null, stars: Stars | null,
 * }} Card
 * @typedef {{
 *   id: string, kind: string, sku: string, name: string, brand: string, image: string | null, price: string | null,
 *   was: string | null, isUnread: boolean, others: number,
 * }} NewsItem
 * @typedef {{ tiles: Card[], types: Department[], news: NewsItem[], unread: number, newest: string | null, nextNews: string | null, degraded: string[] }} Home
 * @typedef {{ total: number, tiles: Card[], next: string | null, types: (Department & { count: number })[] }} Results
 * @typedef {{ sku: string, name: string, price: string, image: string | null }} Companion
 * @typedef {{ rating: number, title: string, text: string }} Review
 * @typedef {Card & {
 *   brand: string, brandId: string, following: boolean | null, description: string, review: Review | null, related: Companion[], degraded: string[],
 * }} Product
 * @typedef {{
 *   sku: string, quantity: number, name: string | null, image: string | null, price: string | null,
 *   amount: Money | null, total: string | null, badges: string[], priceWhenAdded: string | null,
 * }} BasketLine
 * @typedef {{ lines: BasketLine[], total: string | null, waiting: { sku: string, quantity: number }[] }} Basket
 * @typedef {{ method: string, days: number, price: string, total: string, amount: Money }} Delivery
 * @typedef {{
 *   sku: string, quantity: number, name: string | null, image: string | null, total: string | null,
 *   badges: string[], priceWhenAdded: string | null, short: boolean,
 * }} DraftLine
 * @typedef {{
 *   store: string, name: string, street: string, city: string, distance: string, ready: string, today: boolean,
 *   total: string, amount: Money,
 * }} PickupOption
 * @typedef {{ place: string | null, unknown: boolean, options: PickupOption[] }} Pickup
 * @typedef {{
 *   basketVersion: number, lines: DraftLine[], goods: string | null, saved: string | null,
 *   couponApplied: boolean | null, deliveries: Delivery[], pickup: Pickup | null, obstacles: string[],
 * }} Draft
 * @typedef {{ name: string, street: string, postal_code: string, city: string, country: string }} Address
 * @typedef {{
 *   basket_version: number, total: Money, shipping: { method: string, address: Address, store?: string },
 *   payment_token: string, coupon?: string,
 * }} OrderRequest
 * @typedef {{ id: string, status: string, date: string, pieces: number, total: string, reason: string | null, parcel: string | null }} OrderEntry
 * @typedef {{ items: OrderEntry[], next: string | null }} OrderList
 * @typedef {{
 *   method: string, price: string, to: string, trackingCode: string | null, tracking: { status: string, date: string }[],
 *   pickup: { name: string, address: string, ready: string } | null,
 * }} Parcel
 * @typedef {{
 *   id: string, status: string, date: string, lines: { sku: string, name: string, quantity: number, total: string }[],
 *   total: string, saved: string | null, shipping: Parcel | null, stage: string | null, reason: string | null,
 *   degraded: string[],
 * }} Order
 * @typedef {{ id: string, stage: string, status: string }} OrderEvent
 * @typedef {{ cursor: string, upserts: Card[], deleted: string[], more: boolean }} Changes
 * @typedef {{ minimumVersion: string, latestVersion: string, flags: Record<string, boolean> }} Config
 */

import { fields } from "../shared/fields.js";

/** @type {(data: any) => Stars} */
const stars = fields("average", "count");

/** @type {(data: any) => Money} */
const money = fields("amount", "currency");

/** @type {(data: any) => Department} */
export const department = fields("id", "name");

/** @type {(data: any) => Companion} */
const companion = fields("sku", "name", "price", "image");

/** @param {any} data @returns {Card} */
export const card = (data) => ({
  ...fields("sku", "name", "price", "was", "image")(data),
  amount: money(data.amount),
  badges: data.badges ?? [],
  stars: data.stars ? stars(data.stars) : null,
});

/** @param {any} data @returns {NewsItem} */
export const newsItem = (data) => ({
  ...fields("id", "kind", "sku", "name", "brand", "image", "price", "was")(data),
  isUnread: data.is_unread ?? false,
  others: data.others ?? 0,
});

/** @param {any} data @param {string[]} degraded @returns {Product} */
export const product = (data, degraded) => ({
  ...card(data),
  ...fields("brand", "brand_id", "following")(data),
  description: data.description ?? "",
  review: data.review ? fields("rating", "title", "text")(data.review) : null,
  related: (data.related ?? []).map(companion),
  degraded,
});

/** @param {any} data @returns {Results} */
export const results = (data) => ({
  ...fields("total", "next")(data),
  tiles: data.tiles.map(card),
  types: (data.types ?? []).map(fields("id", "name", "count")),
});

/** @param {any} data @returns {BasketLine} */
const basketLine = (data) => ({
  ...fields("sku", "quantity", "name", "image", "price", "total", "price_when_added")(data),
  amount: data.amount ? money(data.amount) : null,
  badges: data.badges ?? [],
});

/** @param {any} data @returns {Basket} */
export const basket = (data) => ({
  lines: data.lines.map(basketLine),
  total: data.total ?? null,
  waiting: (data.waiting ?? []).map(fields("sku", "quantity")),
});

/** @param {any} data @returns {DraftLine} */
const draftLine = (data) => ({
  ...fields("sku", "quantity", "name", "image", "total", "price_when_added")(data),
  badges: data.badges ?? [],
  short: data.short ?? false,
});

/** @param {any} data @returns {Delivery} */
const delivery = (data) => ({ ...fields("method", "days", "price", "total")(data), amount: money(data.amount) });

/** @param {any} data @returns {PickupOption} */
const pickupOption = (data) => ({
  ...fields("store", "name", "street", "city", "distance", "ready", "today", "total")(data),
  amount: money(data.amount),
});

/** @param {any} data @returns {Pickup} */
const pickup = (data) => ({
  place: data.place ?? null,
  unknown: data.unknown ?? false,
  options: (data.options ?? []).map(pickupOption),
});

/** @param {any} data @returns {Draft} */
export const draft = (data) => ({
  ...fields("basket_version", "goods", "saved", "coupon_applied")(data),
  lines: data.lines.map(draftLine),
  deliveries: (data.deliveries ?? []).map(delivery),
  pickup: data.pickup ? pickup(data.pickup) : null,
  obstacles: data.obstacles ?? [],
});

/** @param {any} data @returns {OrderList} */
export const orderList = (data) => ({
  items: data.items.map(fields("id", "status", "date", "pieces", "total", "reason", "parcel")),
  next: data.next ?? null,
});

/** @param {any} data @returns {Parcel} */
const parcel = (data) => ({
  ...fields("method", "price", "to", "tracking_code")(data),
  pickup: data.pickup ? fields("name", "address", "ready")(data.pickup) : null,
  tracking: [],
});

/** @param {any} data @param {string[]} [degraded] @returns {Order} */
export const order = (data, degraded = []) => ({
  ...fields("id", "status", "date", "total", "saved", "stage", "reason")(data),
  lines: data.lines.map(fields("sku", "name", "quantity", "total")),
  shipping: data.shipping ? parcel(data.shipping) : null,
  degraded,
});

/** An order that has been read by its id: with the way of its parcel. @param {any} data @param {string[]} degraded @returns {Order} */
export const trackedOrder = (data, degraded) => {
  const plain = order(data, degraded);
  const tracking = (data.shipping?.tracking ?? []).map(fields("status", "date"));
  return { ...plain, shipping: plain.shipping && { ...plain.shipping, tracking } };
};

/** @param {any} data @returns {Changes} */
export const changes = (data) => ({
  ...fields("cursor", "more")(data),
  upserts: data.products.upserts.map(card),
  deleted: data.products.deleted,
});

/** @param {any} data @returns {Config} */
export const config = (data) => ({ ...fields("minimum_version", "latest_version")(data), flags: data.flags ?? {} });
