/** The session has ended while somebody was at it: they log in again and come back to this place. */

import { h } from "../../shared/dom.js";
import { loginUrl } from "../session.js";

/**
 * Opens the dialog, unless it is open.
 *
 * @param {() => void} onDeclined the user goes on without a login
 */
export function openLoginDialog(onDeclined) {
  if (document.querySelector("dialog.login-dialog")) {
    return;
  }
  const stay = { type: "button", class: "button", on: { click: () => dialog.close() } };
  const dialog = h(
    "dialog",
    { class: "login-dialog", "aria-labelledby": "login-dialog-title" },
    h("h2", { id: "login-dialog-title" }, "You have been logged out"),
    h(
      "p",
      null,
      "Your session has ended. Log in again, and you are back at this place; what you have filled in stays.",
    ),
    h(
      "p",
      { class: "actions" },
      h("a", { class: "button primary", href: loginUrl() }, "Log in again"),
      h("button", stay, "Not now"),
    ),
  );
  dialog.addEventListener("close", () => {
    dialog.remove();
    onDeclined();
  });
  document.body.append(dialog);
  dialog.showModal();
}
