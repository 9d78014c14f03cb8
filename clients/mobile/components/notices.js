/** What the app says beside the screens: toasts, and lines that stay until something is done about them. */

import { fill, h } from "../../shared/dom.js";
import { icon } from "./icons.js";

const SHOWN = 6000; // milliseconds

/** @typedef {{ label: string, run: () => void } | { label: string, href: string }} NoticeAction */

export class Notices {
  /**
   * @param {HTMLElement} toasts a live region
   * @param {HTMLElement} lines a live region
   */
  constructor(toasts, lines) {
    this.toasts = toasts;
    this.lines = lines;
    /** @type {Map<string, HTMLElement>} */
    this.shown = new Map();
  }

  /**
   * Says something for a while.
   *
   * @param {string} text
   * @param {NoticeAction} [action]
   */
  toast(text, action) {
    const toast = h("div", { class: "toast" }, h("span", null, text), action && button(action, () => toast.remove()));
    fill(this.toasts, toast); // one at a time: the newest
    setTimeout(() => toast.remove(), SHOWN);
  }

  /** The screen has changed: what was said about the last one goes. */
  clearToasts() {
    this.toasts.replaceChildren();
  }

  /**
   * Shows a line under this name, until it is cleared.
   *
   * @param {string} name
   * @param {string} text
   * @param {NoticeAction} [action]
   */
  line(name, text, action) {
    const line = h("div", { class: "notice" }, h("span", null, text), action && button(action));
    const before = this.shown.get(name);
    if (before?.textContent === line.textContent) {
      return;
    }
    before?.remove();
    this.lines.append(line);
    this.shown.set(name, line);
  }

  /** @param {string} name */
  clear(name) {
    this.shown.get(name)?.remove();
    this.shown.delete(name);
  }
}

/**
 * @param {NoticeAction} action
 * @param {() => void} [done]
 */
function button(action, done = () => undefined) {
  if ("href" in action) {
    return h("a", { class: "button plain", href: action.href, on: { click: done } }, action.label);
  }
  const press = () => {
    done();
    action.run();
  };
  return h("button", { type: "button", class: "button plain", on: { click: press } }, action.label);
}

/**
 * The pill that says that what is shown is not of now.
 *
 * @param {import("../app.js").App} app
 * @param {HTMLElement} element
 */
export function showNetwork(app, element) {
  /** @type {number | null} */
  let asOf = null;
  const time = new Intl.DateTimeFormat(app.language, { hour: "2-digit", minute: "2-digit" });
  const day = new Intl.DateTimeFormat(app.language, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  const draw = () => {
    const isToday = asOf !== null && new Date(asOf).toDateString() === new Date().toDateString();
    const stored = asOf === null ? "" : `as of ${(isToday ? time : day).format(asOf)}`;
    const text = [app.isReachable ? "" : "Offline", stored].filter(Boolean).join(" · ");
    element.hidden = text === "";
    fill(element, icon("cloud"), h("span", null, text));
  };
  app.addEventListener("network", draw);
  app.addEventListener("as-of", (event) => {
    asOf = event instanceof CustomEvent ? event.detail : null;
    draw();
  });
  draw();
  return () => {
    asOf = null;
    draw();
  };
}
