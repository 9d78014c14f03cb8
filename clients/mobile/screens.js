/** The screens by path. The start screen comes with the app, the others when they are opened, or else a little later. */

import { fill, h } from "../shared/dom.js";
import { home } from "./screens/home.js";

/**
 * @typedef {import("./main.js").Open} Open
 * @typedef {() => Promise<Open>} Load
 */

/** @type {Record<string, Load>} */
const LATER = {
  "/m/search": async () => (await import("./screens/search.js")).search,
  "/m/products/{sku}": async () => (await import("./screens/product.js")).product,
  "/m/basket": async () => (await import("./screens/basket.js")).basket,
  "/m/checkout": async () => (await import("./screens/checkout.js")).checkout,
  "/m/orders": async () => (await import("./screens/orders.js")).orders,
  "/m/orders/{order_id}": async () => (await import("./screens/order.js")).order,
  "/m/account": async () => (await import("./screens/account.js")).account,
  "/m/callback": async () => (await import("./screens/callback.js")).callback,
};

/** @type {Map<Load, Open>} */
const loaded = new Map();

/** @type {Record<string, Open>} */
export const SCREENS = {
  "/m/": home,
  ...Object.fromEntries(Object.entries(LATER).map(([path, load]) => [path, opening(load)])),
};

/** Loads all screens, so that each opens at once from now on. */
export async function loadScreens() {
  await Promise.all(Object.values(LATER).map(remembered));
}

/** @param {Load} load */
async function remembered(load) {
  const open = await load();
  loaded.set(load, open);
  return open;
}

/**
 * @param {Load} load
 * @returns {Open}
 */
function opening(load) {
  return (shared, visit) => {
    const present = loaded.get(load);
    if (present) {
      return present(shared, visit);
    }
    const element = h("div", { "aria-busy": "true" });
    const open = async () => {
      const screen = (await remembered(load))(shared, visit);
      fill(element, screen.element);
      element.removeAttribute("aria-busy");
      await screen.ready;
    };
    return { element, ready: open() };
  };
}
