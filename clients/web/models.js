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

/** @param {any} data @returns {Home} */
export function home(data) {
  return {
    types: data.types.map(counted),
    brands: data.brands.map(counted),
    featured: data.featured.map(card),
    total: data.total,
    feed: feed(data.feed),
  };
}

/** @param {any} data @returns {Feed} */
export function feed(data) {
  return {
    items: data.items.map(newsItem),
    follows: data.follows,
    unread: data.unread,
    newest: data.newest,
    next: data.next,
  };
}

/** @param {any} data @returns {NewsItem} */
function newsItem(data) {
  return {
    id: data.id,
    kind: data.kind,
    sku: data.sku,
    name: data.name,
    brand: data.brand,
    picture: data.image && picture(data.image),
    at: data.at,
    price: data.price && money(data.price),
    priceBefore: data.price_before && money(data.price_before),
    isUnread: data.is_unread,
    others: data.others,
  };
}

/** @param {any} data @returns {Results} */
export function results(data) {
  return {
    total: data.total,
    items: data.items.map(card),
    facets: {
      brands: data.facets.brands.map(counted),
      types: data.facets.types.map(counted),
      prices: data.facets.prices.map((/** @type {any} */ range) => ({
        from: range.from,
        to: range.to,
        count: range.count,
      })),
    },
    next: data.next,
  };
}

/** @param {any} data @returns {Product} */
export function product(data) {
  const { rating, latest } = data.reviews;
  return {
    sku: data.sku,
    name: data.name,
    description: data.description,
    brand: named(data.brand),
    following: data.following,
    type: named(data.type),
    pictures: data.images.map(picture),
    attributes: data.attributes,
    price: money(data.price),
    listPrice: money(data.list_price),
    discount: data.discount ? data.discount.description : null,
    available: data.available,
    rating: rating ? { average: rating.average, count: rating.count, histogram: rating.histogram } : null,
    reviews: latest.map(review),
    related: data.related.map(card),
  };
}

/** @param {any} data @returns {Basket} */
export function basket(data) {
  return {
    lines: data.lines.map((/** @type {any} */ line) => ({
      sku: line.sku,
      quantity: line.quantity,
      article: line.article && article(line.article),
      total: line.total && money(line.total),
      priceWhenAdded: line.price_when_added && money(line.price_when_added),
    })),
    pieces: data.pieces,
    total: data.total && money(data.total),
    waiting: data.waiting.map((/** @type {any} */ item) => ({ sku: item.sku, quantity: item.quantity })),
  };
}

/** @param {any} data @returns {Draft} */
export function draft(data) {
  return {
    basketVersion: data.basket_version,
    lines: data.lines.map((/** @type {any} */ line) => ({
      sku: line.sku,
      quantity: line.quantity,
      name: line.article && line.article.name,
      picture: line.article?.image ? picture(line.article.image) : null,
      percentOff: line.percent_off,
      total: line.total && money(line.total),
      short: line.short,
      available: line.available,
      priceWhenAdded: line.price_when_added && money(line.price_when_added),
    })),
    subtotal: data.subtotal && money(data.subtotal),
    discount: data.discount && money(data.discount),
    coupon: data.coupon && { code: data.coupon.code, applied: data.coupon.applied },
    deliveries: data.deliveries.map((/** @type {any} */ delivery) => ({
      method: delivery.method,
      days: delivery.days,
      price: money(delivery.price),
      total: money(delivery.total),
    })),
    pickup: data.pickup && pickup(data.pickup),
    obstacles: data.obstacles,
  };
}

/** @param {any} data @returns {Order} */
export function order(data) {
  return {
    id: data.id,
    status: data.status,
    placedAt: data.placed_at,
    lines: data.lines.map((/** @type {any} */ line) => ({
      sku: line.sku,
      name: line.name,
      quantity: line.quantity,
      percentOff: line.percent_off,
      total: money(line.total),
    })),
    subtotal: money(data.subtotal),
    discount: money(data.discount),
    total: money(data.total),
    shipping: data.shipping && shipping(data.shipping),
    coupon: data.coupon,
    stage: data.stage,
    reason: data.reason,
    timeline: data.timeline.map((/** @type {any} */ milestone) => ({ stage: milestone.stage, at: milestone.at })),
    tracking: [],
  };
}

/** An order that has been read by its id: with the way of its parcel. @param {any} data @returns {Order} */
export function trackedOrder(data) {
  const tracking = data.tracking.map((/** @type {any} */ event) => ({ status: event.status, at: event.at }));
  return { ...order(data), tracking };
}

/** @param {any} data @returns {Card} */
function card(data) {
  return {
    ...article(data),
    brand: data.brand.name,
    stars: data.stars && { average: data.stars.average, count: data.stars.count },
  };
}

/** @param {any} data @returns {Article} */
function article(data) {
  return {
    sku: data.sku,
    name: data.name,
    picture: data.image && picture(data.image),
    price: money(data.price),
    listPrice: money(data.list_price),
    available: data.available,
  };
}

/** @param {any} data @returns {Shipping} */
function shipping(data) {
  const { name, street, postal_code, city, country } = data.address;
  return {
    method: data.method,
    address: { name, street, postal_code, city, country },
    price: money(data.price),
    trackingCode: data.tracking_code,
    pickup: data.pickup && {
      name: data.pickup.name,
      street: data.pickup.street,
      postal_code: data.pickup.postal_code,
      city: data.pickup.city,
      readyAt: data.pickup.ready_at,
    },
  };
}

/** @param {any} data @returns {Pickup} */
function pickup(data) {
  return {
    place: data.place,
    known: data.known,
    options: data.options.map((/** @type {any} */ option) => ({
      store: option.store,
      name: option.name,
      street: option.street,
      city: option.city,
      metres: option.metres,
      readyAt: option.ready_at,
      today: option.today,
      total: money(option.total),
    })),
  };
}

/** @param {any} data @returns {Review} */
function review(data) {
  const { id, author, rating, title, text, created_at: createdAt } = data;
  return { id, author, rating, title, text, createdAt };
}

/** @param {any} data @returns {Money} */
function money(data) {
  return { amount: data.amount, currency: data.currency };
}

/** @param {any} data @returns {Named} */
function named(data) {
  return { id: data.id, name: data.name };
}

/** @param {any} data @returns {Counted} */
function counted(data) {
  return { id: data.id, name: data.name, count: data.count };
}

/** @param {any} data @returns {Picture} */
function picture(data) {
  return {
    alt: data.alt,
    variants: data.variants.map((/** @type {any} */ variant) => ({ url: variant.url, width: variant.width })),
  };
}
