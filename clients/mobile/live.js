/**
 * A part of a screen that is read from the shop: the answer when it comes soon, else the one that was stored when it was
 * last seen, marked with its time, until the shop's is there.
 */

import { ApiError } from "../shared/http.js";
import { fill, h } from "../shared/dom.js";

const LIMIT = 1500; // milliseconds that the network has before what is stored is shown
const RECENT = 60_000; // milliseconds for which what is stored is as good as new

/** @typedef {import("./app.js").App} App */

/**
 * @template Model
 * @param {App} app
 * @param {{
 *   name: string,
 *   isPrivate?: boolean,
 *   call: () => Promise<Model>,
 *   draw: (model: Model) => (Node | null)[],
 *   skeleton: Node,
 *   signal: AbortSignal,
 *   fallback?: () => Promise<Model | null>,
 *   given?: Model | null,
 * }} part `name`: of what is stored; `fallback`: what else there is without a network; `given`: what is known already
 * @returns {{ element: HTMLElement, ready: Promise<void>, refresh: () => Promise<void> }}
 */
export function live(app, { name, isPrivate = false, call, draw, skeleton, signal, fallback, given }) {
  const user = isPrivate ? app.user : "";
  const element = h("div", { class: "live", "aria-busy": "true" }, skeleton);
  let drawn = "";

  /**
   * @param {Model} model
   * @param {number | null} asOf the time of a stored answer; null for a present one
   */
  function show(model, asOf) {
    if (signal.aborted) {
      return;
    }
    const text = JSON.stringify(model);
    if (text !== drawn) {
      drawn = text;
      fill(element, ...draw(model));
    }
    element.removeAttribute("aria-busy");
    app.dispatchEvent(new CustomEvent("as-of", { detail: asOf }));
  }

  async function load() {
    const called = read();
    called.catch(() => undefined); // it is awaited below; until then its failure is nobody's
    const stored = await app.store.screen(user, name);
    const age = stored ? Date.now() - stored.at : Infinity;
    if (stored && (age < RECENT || (await isSlow(called)))) {
      show(stored.body, age < RECENT ? null : stored.at);
      void called.then((model) => show(model, null)).catch((error) => {
        if (error instanceof ApiError && isNoAnswer(error)) {
          show(stored.body, stored.at);
        } else if (!signal.aborted) {
          app.dispatchEvent(new CustomEvent("refused", { detail: error })); // what is stored must not stand for that
        }
      });
      return;
    }
    try {
      show(await called, null);
    } catch (error) {
      const other = stored ?? (error instanceof ApiError ? await otherwise() : null);
      if (!other) {
        throw error;
      }
      expectFailure(error, () => show(other.body, other.at));
    }
  }

  async function read() {
    const model = await call();
    if (user === (isPrivate ? app.user : "")) {
      await app.store.putScreen(user, name, model, Date.now());
    }
    return model;
  }

  async function otherwise() {
    const body = (await fallback?.()) ?? null;
    return body ? { body, at: (await app.store.value("synced")) ?? Date.now() } : null;
  }

  if (given) {
    show(given, null);
  }
  return { element, ready: given ? Promise.resolve() : load(), refresh: async () => show(await read(), null) };
}

/**
 * Whether the network takes longer than a screen should wait for it, or fails.
 *
 * @param {Promise<unknown>} called
 */
function isSlow(called) {
  if (!navigator.onLine) {
    return Promise.resolve(true);
  }
  const late = new Promise((resolve) => setTimeout(resolve, LIMIT, true));
  return Promise.race([late, called.then(() => false)]).catch((error) => {
    if (error instanceof ApiError && isNoAnswer(error)) {
      return true;
    }
    throw error;
  });
}

/** Whether what is stored may stand in for the answer: there was none, or the shop is in trouble. @param {ApiError} error */
const isNoAnswer = (error) => error.status === 0 || error.status >= 500;

/**
 * @param {unknown} error
 * @param {() => void} otherwise
 */
function expectFailure(error, otherwise) {
  if (!(error instanceof ApiError) || !isNoAnswer(error)) {
    throw error;
  }
  otherwise();
}
