// Actions: reload and purge, each after one question, and the record of what was done.
import { count, empty, failure, h, table } from "./h.js";
import { readOverview } from "./overview.js";

export const id = "actions";
export const title = "Actions";

/** @param {HTMLElement} element @param {import("./api.js").Api} api */
export function mount(element, api) {
  const result = h("div", { role: "status" });
  const record = h("div");
  const kind = h("select", { id: "purge-kind" }, ["path", "tag", "all"].map((each) => h("option", { value: each }, each)));
  const what = h("input", { id: "purge-what", placeholder: "/products/…", size: 30 });
  const dialog = /** @type {HTMLDialogElement} */ (h("dialog", { "aria-labelledby": "question" }));
  const reload = h("button", { type: "button", disabled: true, onclick: () => ask("Reload the route table from its file?", "Reload", () => api.post("/admin/reload")) }, "Reload the table…");
  const purge = h("button", { type: "button", disabled: true, onclick: askPurge }, "Purge…");
  element.append(h("h1", null, "Actions"),
    h("section", null, h("h2", null, "Route table"), h("p", null, "A table with a fault is refused, and the one in force stays."), h("div", { class: "bar" }, reload)),
    h("section", null, h("h2", null, "Response cache"),
      h("div", { class: "bar" }, h("label", { for: "purge-kind" }, "Purge by"), kind, h("label", { for: "purge-what", class: "hidden" }, "Path or tag"), what, purge)),
    result, h("h2", null, "What was done through this port"), record, dialog);

  function askPurge() {
    const by = /** @type {HTMLSelectElement} */ (kind).value;
    const value = /** @type {HTMLInputElement} */ (what).value.trim();
    if (by !== "all" && !value) {
      what.focus();
      return;
    }
    const query = by === "all" ? "all" : `${by}=${encodeURIComponent(value)}`;
    ask(by === "all" ? "Purge every cached response?" : `Purge the cached responses of the ${by} ${value}?`, "Purge", () => api.del(`/admin/cache?${query}`));
  }

  /** Ask once, then act. @param {string} question @param {string} verb @param {() => Promise<any>} act */
  function ask(question, verb, act) {
    dialog.replaceChildren(h("form", { method: "dialog" }, h("h2", { id: "question" }, question),
      h("div", { class: "bar" }, h("button", { value: "yes", class: "primary" }, verb), h("button", { value: "no", autofocus: true }, "Cancel"))));
    dialog.returnValue = "no";
    dialog.onclose = () => dialog.returnValue === "yes" && run(act);
    dialog.showModal();
  }

  async function run(act) {
    try {
      const said = await act();
      result.replaceChildren(h("p", { class: "good" }, "purged" in said ? `Purged: ${count(said.purged)}.` : `The table is ${said.outcome}: ${count(said.routes)} routes.`));
    } catch (error) {
      result.replaceChildren(failure(error));
    }
    read();
  }

  async function read() {
    try {
      const [records, overview] = await Promise.all([api.get("/console/api/audit"), readOverview(api)]);
      reload.toggleAttribute("disabled", !overview.actions.reload);
      purge.toggleAttribute("disabled", !overview.actions.purge);
      record.replaceChildren(records.length ? table("What was done", ["Time", "From", "Action", "Status", "Outcome"], records.map((each) => h("tr", null,
        h("th", { scope: "row" }, new Date(each.time).toLocaleString("en-GB")), h("td", null, each.client), h("td", { class: "mono" }, each.action),
        h("td", { class: each.status < 400 ? "good" : "bad" }, each.status), h("td", null, each.outcome))))
        : empty("Nothing yet", "Reloads and purges, from here or by other tools, are listed with their outcome."));
    } catch (error) {
      record.replaceChildren(failure(error));
    }
  }
  read();
  return () => dialog.close();
}
