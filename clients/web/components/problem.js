/** What is shown in place of a screen that cannot be shown, and what can be done about it. */

import { ApiError } from "../../shared/http.js";
import { h } from "../../shared/dom.js";
import { plural } from "../format.js";
import { loginUrl } from "../session.js";

const SECOND_TRY = 2000; // milliseconds after the first

/** @typedef {{ title: string, text: string, href?: string, link?: string, canRetry?: boolean }} Words */

/** @type {Record<string, Words>} */
const BY_KIND = {
  offline: {
    title: "You are offline",
    text: "This page will be here as soon as you have a connection again.",
    canRetry: true,
  },
  unreachable: {
    title: "The shop does not answer",
    text: "This can be your connection, or ours. Try again in a moment.",
    canRetry: true,
  },
  "product-unknown": {
    title: "Not on our shelves",
    text: "There is no such article, or it has been sold for the last time.",
    href: "/search",
    link: "Browse everything",
  },
};

/** @type {Words} */
const NOTHING_HERE = {
  title: "There is nothing here",
  text: "The page does not exist, or has moved without telling anybody.",
  href: "/",
  link: "To the start page",
};

/** @type {Record<number, Words>} */
const BY_STATUS = {
  401: {
    title: "Please log in",
    text: "Your orders are only for you to see.",
  },
  404: NOTHING_HERE,
  422: NOTHING_HERE, // an address that somebody has made up: a screen asks for nothing else before it is drawn
  426: {
    title: "This page is out of date",
    text: "The shop has moved on since it was opened. Load it anew to go on; your basket stays as it is.",
    canRetry: true,
  },
  429: {
    title: "One moment, please",
    text: "That were many requests in a short time.",
    canRetry: true,
  },
};

/** @type {Words} */
const OTHERWISE = {
  title: "We cannot show this right now",
  text: "Something on our side does not answer. It is not about anything that you have done.",
  canRetry: true,
};

/**
 * @param {unknown} error
 * @param {() => void} retry
 */
export function problemOf(error, retry) {
  if (!(error instanceof ApiError)) {
    reportError(error); // a fault of ours: for the console, and for whoever listens to `error` events
  }
  const failure = error instanceof ApiError ? error : new ApiError({ status: 500 });
  const words = BY_KIND[failure.kind] ?? BY_STATUS[failure.status] ?? OTHERWISE;
  const { request_id: id } = failure.problem;
  return h(
    "section",
    { class: "page problem" },
    h("h1", null, words.title),
    h("p", { class: "lead" }, words.text),
    h(
      "p",
      { class: "actions" },
      words.canRetry && retryButton(failure, retry),
      words.href && h("a", { class: "button primary", href: words.href }, words.link),
      failure.status === 401 && h("a", { class: "button primary", href: loginUrl() }, "Log in"),
    ),
    typeof id === "string" && h("p", { class: "hint" }, `Should you write to us about it: ${id}`),
  );
}

/**
 * @param {ApiError} failure
 * @param {() => void} retry
 */
function retryButton({ status, kind, retryAfter }, retry) {
  const press = () => (status === 426 ? location.reload() : retry());
  const text = status === 426 ? "Load anew" : "Try again";
  const button = h("button", { type: "button", class: "button primary", on: { click: press } }, text);
  if (status === 429 && retryAfter) {
    countDown(button, retryAfter, text);
  }
  if (kind === "offline") {
    addEventListener("online", () => button.isConnected && retryTwice(retry), { once: true });
  }
  return button;
}

/**
 * Tries again, and once more when that fails: a network is announced before it is of use.
 *
 * @param {() => void} retry
 */
function retryTwice(retry) {
  retry();
  setTimeout(() => document.querySelector(".page.problem") && retry(), SECOND_TRY);
}

/**
 * The button can be pressed once the seconds are over.
 *
 * @param {HTMLButtonElement} button
 * @param {number} seconds
 * @param {string} text
 */
function countDown(button, seconds, text) {
  button.disabled = seconds > 0;
  button.textContent = seconds > 0 ? `${text} in ${plural(seconds, "second")}` : text;
  if (seconds > 0) {
    setTimeout(() => countDown(button, seconds - 1, text), 1000);
  }
}

/**
 * What to say about a change that was refused.
 *
 * @param {unknown} error
 */
export function refusalText(error) {
  if (!(error instanceof ApiError)) {
    reportError(error);
    return OTHERWISE.title;
  }
  if (error.status === 429) {
    return `Too many changes at once. Try again in ${plural(error.retryAfter ?? 1, "second")}.`;
  }
  if (error.status === 0) {
    return BY_KIND[error.kind]?.title ?? OTHERWISE.title;
  }
  return error.status < 500 && error.detail ? error.detail : "The shop could not do that right now.";
}
