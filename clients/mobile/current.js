/** What the app does beside its screens: it ends a login that was to be ended, sends what waits, and keeps its catalogue current. */

import { ApiError } from "../shared/http.js";
import { syncCatalogue } from "./sync.js";

const SYNC_INTERVAL = 10 * 60_000;

/**
 * @typedef {import("./main.js").Shared} Shared
 * @typedef {import("./support.js").Support} Support
 */

/**
 * @param {Shared} shared
 * @param {Support} support
 */
export async function keepCurrent({ app }, support) {
  const run = async () => {
    if (document.hidden || !navigator.onLine) {
      return;
    }
    await whenReachable(app.auth.endPending());
    await whenReachable(app.flush());
    await whenReachable(app.api.config().then((config) => support.check(config)));
    const isOther = (await app.store.value("language")) !== app.language; // texts and prices of the cards
    if (isOther) {
      await app.store.putValue("cursor", null);
      await app.store.putValue("language", app.language);
    }
    const synced = (await app.store.value("synced")) ?? 0;
    if (isOther || Date.now() - synced > SYNC_INTERVAL) {
      await whenReachable(syncCatalogue(app.store, app.api).then(() => app.store.putValue("synced", Date.now())));
    }
  };
  document.addEventListener("visibilitychange", () => void run());
  addEventListener("online", () => void run());
  await run();
}

/**
 * Waits for work that is done again later when the shop cannot be reached now.
 *
 * @param {Promise<unknown>} work
 */
async function whenReachable(work) {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof ApiError)) {
      throw error;
    }
  }
}
