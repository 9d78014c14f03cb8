/** Where the browser comes back to from the login page. */

import { h } from "../../shared/dom.js";
import { rowsSkeleton } from "../components/parts.js";
import { LoginError } from "../code-flow.js";

/** @typedef {import("../main.js").Open} Open */

/** @type {Open} */
export const callback = (shared, { signal, setTitle }) => {
  const { app, router, notices } = shared;
  const url = new URL(location.href);
  router.replace("/m/callback"); // the code is used once, and leaves the address at once
  setTitle("Logging in");
  const element = h("div", { class: "screen" }, h("header", { class: "bar" }, h("h1", null, "Logging in …")), rowsSkeleton(2, "5rem"));

  async function complete() {
    let path = "/m/account";
    let notice = "";
    const before = app.user;
    try {
      path = await app.auth.complete(url);
      await app.settled();
      if (before && before !== app.user) {
        notice = `You are logged in as ${app.auth.user?.name}.`;
      }
      void app.flush();
    } catch (error) {
      if (!(error instanceof LoginError || signal.aborted)) { // after another screen was opened, none shows it
        throw error;
      }
      notice = error instanceof LoginError && error.code === "access_denied" ? "You have not logged in." : "The login did not work. Please try once more.";
    }
    if (!signal.aborted) { // who has gone to another screen meanwhile stays there
      router.replace(path);
    }
    router.reload();
    if (notice) {
      notices.toast(notice);
    }
  }
  return { element, ready: complete() };
};
