/** Who is logged in, and what this phone has of the shop. */

import { fill, h } from "../../shared/dom.js";
import { VERSION } from "../version.js";

/**
 * @typedef {import("../main.js").Open} Open
 * @typedef {import("../main.js").Shared} Shared
 */

/** @type {Open} */
export const account = (shared, { signal, setTitle }) => {
  const { app } = shared;
  const who = h("div");
  const show = () => fill(who, app.isGuest ? shared.loginPrompt("Welcome", "Log in to order, and to see your orders.") : profile(shared));
  app.addEventListener("session", show, { signal });
  show();
  const element = h(
    "div",
    { class: "screen account" },
    h("header", { class: "bar" }, h("h1", null, "You")),
    who,
    installPanel(shared),
    phonePanel(shared),
    h("p", { class: "hint version" }, `Version ${VERSION}`),
  );
  setTitle("You");
  return { element };
};

/** @param {Shared} shared */
function profile(shared) {
  const { app } = shared;
  const name = app.auth.user?.name ?? "";
  const confirmation = h(
    "div",
    { class: "trouble", role: "alert", hidden: true },
    h("p", null, "Something has not been sent to the shop yet. It is lost when you log out."),
    h("p", { class: "actions" }, h("button", { type: "button", class: "button", on: { click: () => void shared.logOut() } }, "Log out all the same")),
  );
  const ask = () => {
    if (app.entries.some((entry) => entry.notice === undefined)) {
      confirmation.hidden = false;
    } else {
      void shared.logOut();
    }
  };
  return h(
    "section",
    { class: "panel profile" },
    h("p", { class: "avatar", "aria-hidden": "true" }, name.charAt(0).toUpperCase()),
    h("div", null, h("h2", null, name), h("p", { class: "hint" }, "Logged in on this phone")),
    h("div", { class: "profile-actions" }, h("a", { class: "button", href: "/m/orders" }, "Your orders"), h("button", { type: "button", class: "button", on: { click: ask } }, "Log out")),
    confirmation,
  );
}

/** The offer to install the app, where the browser makes it. @param {Shared} shared */
function installPanel(shared) {
  const offer = shared.installOffer;
  if (!offer) {
    return null;
  }
  const panel = h(
    "section",
    { class: "panel" },
    h("h2", { class: "section-title" }, "On your home screen"),
    h("p", { class: "muted" }, "Install the shop: it opens at once, and without a network too."),
    h("p", { class: "actions" }, h("button", { type: "button", class: "button primary", on: { click: () => void install() } }, "Install")),
  );
  const install = async () => {
    await offer.prompt();
    panel.remove();
  };
  return panel;
}

/** @param {Shared} shared */
function phonePanel({ app }) {
  const text = h("p", { class: "muted" });
  const show = async () => {
    const count = (await app.store.products()).length;
    const synced = await app.store.value("synced");
    const time = new Intl.DateTimeFormat(app.language, { dateStyle: "medium", timeStyle: "short" });
    fill(text, count && synced ? `${count} products are on this phone, as of ${time.format(synced)}.` : "What you have seen stays on this phone.");
  };
  void show();
  return h("section", { class: "panel" }, h("h2", { class: "section-title" }, "Without a network"), text);
}
