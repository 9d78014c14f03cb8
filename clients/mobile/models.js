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

/** @param {any} data @returns {Stars | null} */
const stars = (data) => (data ? { average: data.average, count: data.count } : null);

/** @param {any} data @returns {Money} */
const money = (data) => ({ amount: data.amount, currency: data.currency });

/** @param {any} data @returns {Department} */
export const department = (data) => ({ id: data.id, name: data.name });

/** @param {any} data @returns {Card} */
export const card = (data) => ({
  sku: data.sku,
  name: data.name,
  price: data.price,
  amount: money(data.amount),
  was: data.was ?? null,
  badges: data.badges ?? [],
  image: data.image ?? null,
  stars: stars(data.stars),
});

/** @param {any} data @returns {NewsItem} */
export const newsItem = (data) => ({
  id: data.id,
  kind: data.kind,
  sku: data.sku,
  name: data.name,
  brand: data.brand,
  image: data.image ?? null,
  price: data.price ?? null,
  was: data.was ?? null,
  isUnread: data.is_unread ?? false,
  others: data.others ?? 0,
});

/** @param {any} data @param {string[]} degraded @returns {Product} */
export const product = (data, degraded) => ({
  ...card(data),
  brand: data.brand,
  brandId: data.brand_id,
  following: data.following ?? null,
  description: data.description ?? "",
  review: data.review ? { rating: data.review.rating, title: data.review.title, text: data.review.text } : null,
  related: (data.related ?? []).map(companion),
  degraded,
});

/** @param {any} data @returns {Companion} */
const companion = (data) => ({ sku: data.sku, name: data.name, price: data.price, image: data.image ?? null });

/** @param {any} data @returns {Results} */
export const results = (data) => ({
  total: data.total,
  tiles: data.tiles.map(card),
  next: data.next ?? null,
  types: (data.types ?? []).map((/** @type {any} */ each) => ({ ...department(each), count: each.count })),
});

/** @param {any} data @returns {Basket} */
export const basket = (data) => ({
  lines: data.lines.map((/** @type {any} */ line) => ({
    sku: line.sku,
    quantity: line.quantity,
    name: line.name ?? null,
    image: line.image ?? null,
    price: line.price ?? null,
    amount: line.amount ? money(line.amount) : null,
    total: line.total ?? null,
    badges: line.badges ?? [],
    priceWhenAdded: line.price_when_added ?? null,
  })),
  total: data.total ?? null,
  waiting: (data.waiting ?? []).map((/** @type {any} */ each) => ({ sku: each.sku, quantity: each.quantity })),
});

/** @param {any} data @returns {Draft} */
export const draft = (data) => ({
  basketVersion: data.basket_version,
  lines: data.lines.map((/** @type {any} */ line) => ({
    sku: line.sku,
    quantity: line.quantity,
    name: line.name ?? null,
    image: line.image ?? null,
    total: line.total ?? null,
    badges: line.badges ?? [],
    priceWhenAdded: line.price_when_added ?? null,
    short: line.short ?? false,
  })),
  goods: data.goods ?? null,
  saved: data.saved ?? null,
  couponApplied: data.coupon_applied ?? null,
  deliveries: (data.deliveries ?? []).map((/** @type {any} */ each) => ({
    method: each.method,
    days: each.days,
    price: each.price,
    total: each.total,
    amount: money(each.amount),
  })),
  pickup: data.pickup ? pickup(data.pickup) : null,
  obstacles: data.obstacles ?? [],
});

/** @param {any} data @returns {Pickup} */
const pickup = (data) => ({
  place: data.place ?? null,
  unknown: data.unknown ?? false,
  options: (data.options ?? []).map((/** @type {any} */ each) => ({
    store: each.store,
    name: each.name,
    street: each.street,
    city: each.city,
    distance: each.distance,
    ready: each.ready,
    today: each.today,
    total: each.total,
    amount: money(each.amount),
  })),
});

/** @param {any} data @returns {OrderList} */
export const orderList = (data) => ({
  items: data.items.map((/** @type {any} */ entry) => ({
    id: entry.id,
    status: entry.status,
    date: entry.date,
    pieces: entry.pieces,
    total: entry.total,
    reason: entry.reason ?? null,
    parcel: entry.parcel ?? null,
  })),
  next: data.next ?? null,
});

/** @param {any} data @param {string[]} [degraded] @returns {Order} */
export const order = (data, degraded = []) => ({
  id: data.id,
  status: data.status,
  date: data.date,
  lines: data.lines.map((/** @type {any} */ line) => ({
    sku: line.sku,
    name: line.name,
    quantity: line.quantity,
    total: line.total,
  })),
  total: data.total,
  saved: data.saved ?? null,
  shipping: data.shipping ? parcel(data.shipping) : null,
  stage: data.stage ?? null,
  reason: data.reason ?? null,
  degraded,
});

/** An order that has been read by its id: with the way of its parcel. @param {any} data @param {string[]} degraded @returns {Order} */
export const trackedOrder = (data, degraded) => {
  const plain = order(data, degraded);
  const tracking = (data.shipping?.tracking ?? []).map((/** @type {any} */ event) => ({
    status: event.status,
    date: event.date,
  }));
  return { ...plain, shipping: plain.shipping && { ...plain.shipping, tracking } };
};

/** @param {any} data @returns {Parcel} */
const parcel = (data) => ({
  method: data.method,
  price: data.price,
  to: data.to,
  trackingCode: data.tracking_code ?? null,
  pickup: data.pickup ? { name: data.pickup.name, address: data.pickup.address, ready: data.pickup.ready } : null,
  tracking: [],
});

/** @param {any} data @returns {Changes} */
export const changes = (data) => ({
  cursor: data.cursor,
  upserts: data.products.upserts.map(card),
  deleted: data.products.deleted,
  more: data.more,
});

/** @param {any} data @returns {Config} */
export const config = (data) => ({
  minimumVersion: data.minimum_version,
  latestVersion: data.latest_version,
  flags: data.flags ?? {},
});
