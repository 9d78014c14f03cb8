/** Whether the shop still serves this version of the app: not at all, not for long, or for as long as one can see. */

import { fill, find, h } from "../shared/dom.js";
import { updateNow } from "./release.js";
import { VERSION } from "./version.js";

export class Support {
  /** @param {import("./components/notices.js").Notices} notices */
  constructor(notices) {
    this.notices = notices;
  }

  /** What a response says about this version. @param {Response} response */
  see(response) {
    if (response.status === 426) {
      this.end();
      return;
    }
    const sunset = response.headers.get("sunset");
    if (response.headers.has("deprecation")) {
      const until = sunset ? ` It works until ${new Date(sunset).toLocaleDateString("en", { day: "numeric", month: "long" })}.` : "";
      const text = `This version of the app is old.${until}`;
      this.notices.line("support", text, { label: "Update", run: () => void updateNow() });
    }
  }

  /** @param {import("./models.js").Config} config */
  check({ minimumVersion }) {
    if (isBelow(VERSION, minimumVersion)) {
      this.end();
    }
  }

  /** Nothing but the update is shown from now on. */
  end() {
    const screen = find("#update", HTMLElement);
    if (!screen.hidden) {
      return;
    }
    const heading = h("h1", { id: "update-title", tabindex: -1 }, "A new version is needed");
    fill(
      screen,
      h(
        "section",
        { class: "empty" },
        heading,
        h("p", { class: "muted" }, "This version of the app is too old for the shop. What you have in your basket stays."),
        h("p", { class: "actions" }, h("button", { type: "button", class: "button primary", on: { click: () => void updateNow() } }, "Update")),
      ),
    );
    screen.hidden = false;
    for (const other of document.querySelectorAll("main, #tabs, #notices, #toasts, #network")) {
      other.toggleAttribute("inert", true);
    }
    heading.focus();
  }
}

/**
 * Whether a version is lower than another one.
 *
 * @param {string} version
 * @param {string} other
 */
export function isBelow(version, other) {
  const [mine, theirs] = [version, other].map((text) => text.split(".").map(Number));
  for (let index = 0; index < 3; index += 1) {
    const difference = (mine?.[index] ?? 0) - (theirs?.[index] ?? 0);
    if (difference !== 0) {
      return difference < 0;
    }
  }
  return false;
}
