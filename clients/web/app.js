/**
 * What the screens share.
 *
 * @typedef {{
 *   api: import("./api.js").WebApi,
 *   session: import("./session.js").Session,
 *   basket: import("./basket.js").BasketStore,
 *   router: import("../shared/router.js").Router,
 *   news: import("./news.js").NewsStore,
 *   notices: import("./components/notices.js").Notices,
 * }} App
 */

export {};
