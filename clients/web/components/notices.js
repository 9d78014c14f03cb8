/** What the shop has to say beside the screen: announcements, short notices, and a line above the page. */

import { fill, h } from "../../shared/dom.js";
import { icon } from "./icons.js";

const SHOWN = 7000;

/** @typedef {{ text: string, href?: string, press?: () => void }} Action a link, or a button */

export class Notices {
  #announcer;
  #toasts;
  #banner;

  /** @param {{ announcer: HTMLElement, toasts: HTMLElement, banner: HTMLElement }} places live regions, which are there from the start */
  constructor({ announcer, toasts, banner }) {
    this.#announcer = announcer;
    this.#toasts = toasts;
    this.#banner = banner;
  }

  /** Says something to those who do not see what has changed. @param {string} text */
  announce(text) {
    this.#announcer.textContent = "";
    requestAnimationFrame(() => (this.#announcer.textContent = text));
  }

  /**
   * A notice at the edge of the screen, which goes by itself unless it is about an error.
   *
   * @param {string} text
   * @param {{ isError?: boolean, action?: Action }} [options]
   */
  show(text, { isError = false, action } = {}) {
    const toast = h("div", { class: isError ? "toast is-error" : "toast" }, h("p", null, text), actionOf(action));
    const close = {
      type: "button",
      class: "icon-button",
      "aria-label": "Dismiss",
      on: { click: () => toast.remove() },
    };
    toast.append(h("button", close, icon("close")));
    this.#toasts.replaceChildren(toast);
    if (!isError) {
      const stay = setTimeout(() => toast.remove(), SHOWN);
      toast.addEventListener("pointerenter", () => clearTimeout(stay), { once: true });
      toast.addEventListener("focusin", () => clearTimeout(stay), { once: true });
    }
  }

  /**
   * A line above the page that stays until another one comes; null takes it away.
   *
   * @param {string | null} text
   * @param {Action[]} [actions]
   */
  banner(text, actions = []) {
    fill(this.#banner, text && h("div", { class: "banner" }, h("p", null, text), ...actions.map(actionOf)));
  }
}

/** @param {Action} [action] */
function actionOf(action) {
  if (!action) {
    return null;
  }
  return action.href
    ? h("a", { href: action.href }, action.text)
    : h("button", { type: "button", class: "link-button", on: { click: () => action.press?.() } }, action.text);
}
