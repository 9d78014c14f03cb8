/** A screen that could not be shown: why, and what can be done. */

import { ApiError } from "../../shared/http.js";
import { h } from "../../shared/dom.js";

/** @typedef {import("../main.js").Shared} Shared */

/**
 * @param {Shared} shared
 * @param {unknown} error
 * @param {() => void} retry
 */
export function problemOf(shared, error, retry) {
  if (!(error instanceof ApiError)) {
    console.error(error);
  }
  const { title, text } = wordsOf(error);
  const isGone = error instanceof ApiError && [404, 410].includes(error.status);
  if (error instanceof ApiError && error.status === 401) {
    return h("div", { class: "screen" }, h("header", { class: "bar" }, h("h1", null, "Please log in")), loginPrompt(shared, "Once more, please", "Your login has ended."));
  }
  return h(
    "div",
    { class: "screen problem" },
    h(
      "section",
      { class: "empty" },
      h("h1", null, title),
      h("p", { class: "muted" }, text),
      h(
        "p",
        { class: "actions" },
        isGone ? null : h("button", { type: "button", class: "button primary", on: { click: retry } }, "Try again"),
        h("a", { class: `button ${isGone ? "primary" : "plain"}`, href: "/m/" }, "To the shop"),
      ),
    ),
  );
}

/** @param {unknown} error */
function wordsOf(error) {
  if (!(error instanceof ApiError)) {
    return { title: "Something went wrong", text: "That is our fault. Please try again." };
  }
  if (error.status === 0) {
    return { title: "No network", text: "You have not seen this page before, so it is not on your phone yet." };
  }
  if (error.status === 404 || error.status === 410) {
    return { title: "Not here", text: error.detail || "There is nothing at this address." };
  }
  if (error.status >= 500) {
    return { title: "The shop does not answer", text: "It should be back in a moment." };
  }
  return { title: error.title || "That did not work", text: error.detail };
}

/**
 * What is shown where a login is needed.
 *
 * @param {Shared} shared
 * @param {string} title
 * @param {string} text
 */
export function loginPrompt({ app, notices }, title, text) {
  const logIn = async () => {
    if (!navigator.onLine) {
      notices.toast("There is no network to log in with.");
      return;
    }
    location.assign(await app.auth.loginUrl(location.pathname + location.search));
  };
  return h(
    "section",
    { class: "empty" },
    h("h2", null, title),
    h("p", { class: "muted" }, text),
    h("p", { class: "actions" }, h("button", { type: "button", class: "button primary", on: { click: () => void logIn() } }, "Log in")),
  );
}
