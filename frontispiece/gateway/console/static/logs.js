// Logs: the latest of all apps, as they come.
import { clock, empty, failure, h, table } from "./h.js";
import { live } from "./live.js";
import { choice, every, field } from "./traces.js";

export const id = "logs";
export const title = "Logs";

const EVERY_MS = 1000;
const MAX_ROWS = 500;

/** @param {any[]} logs */
export const logTable = (logs) => h("div", { class: "logs" }, table("Logs", ["Time", "Level", "Service", "Text", "Trace"], logs.map(rowOf)));

/** @param {any} log */
const rowOf = (log) => h("tr", null,
  h("td", { class: "number" }, clock(log.time * 1000)),
  h("td", { class: `log-${log.level}` }, log.level),
  h("td", null, log.service),
  h("td", { class: "log-text" }, log.text, " ", h("span", { class: "muted" }, log.logger),
    log.attributes["exception.stacktrace"] && h("details", null, h("summary", null, log.attributes["exception.type"]),
      h("pre", null, log.attributes["exception.stacktrace"]))),
  h("td", null, log.trace_id && h("a", { href: `#/traces/${log.trace_id}` }, log.trace_id.slice(0, 8))));

/** @param {HTMLElement} element @param {import("./api.js").Api} api */
export function mount(element, api) {
  const pause = /** @type {HTMLInputElement} */ (h("input", { type: "checkbox", id: "pause" }));
  const form = /** @type {HTMLFormElement} */ (h("form", { class: "filters", role: "search", onsubmit: (event) => event.preventDefault() },
    field("Text", h("input", { name: "text", type: "search" })),
    field("Service", h("input", { name: "service" })),
    field("Level", choice("level", [["", "All"], ["info", "Info and above"], ["warning", "Warnings and errors"], ["error", "Errors"]])),
    h("div", null, pause, " ", h("label", { for: "pause" }, "Pause"))));
  const rows = h("div");
  const failed = h("div");
  element.append(h("h1", null, "Logs"), form, failed, rows);
  /** The latest that is shown; null before the first response to this filter. @type {any} */
  let latest = null;
  /** Which filter and which stream a response is of: one of an earlier is too late. */
  let generation = 0;
  let begun = live.begun;
  let reading = false;

  /** New rows come before those that are there, which stay as they are. @param {any[]} found the latest first */
  const show = (found) => {
    const body = rows.querySelector("tbody");
    if (body && latest) {
      body.prepend(...found.map(rowOf));
      while (body.childElementCount > MAX_ROWS) body.lastElementChild?.remove();
    } else rows.replaceChildren(found.length ? logTable(found) : empty("No logs", "They appear as apps log."));
    latest = found[0] ?? latest;
  };
  const next = async () => {
    if (reading || pause.checked && rows.childElementCount) return;
    const query = new URLSearchParams({ limit: "200" });
    for (const [name, value] of new FormData(form)) if (String(value).trim()) query.set(name, String(value).trim());
    const anew = begun !== live.begun; // the store may be another, whose ids begin anew
    const of = generation;
    const stream = live.begun;
    if (latest && !anew) query.set("after", latest.id);
    reading = true;
    try {
      const found = await api.get(`/console/api/logs?${query}`);
      if (of !== generation) return;
      failed.replaceChildren();
      begun = stream;
      const known = anew && latest ? found.findIndex((log) => log.id === latest.id && log.time === latest.time) : -1;
      if (query.has("after")) found.reverse(); // those that came after are read from the first
      else if (known >= 0) found.length = known;
      else latest = null;
      if (found.length || !rows.childElementCount) show(found);
    } catch (error) {
      if (of === generation) failed.replaceChildren(failure(error));
    } finally {
      reading = false;
      if (of !== generation) next();
    }
  };
  form.addEventListener("change", (event) => {
    if (event.target === pause) return;
    generation += 1;
    latest = null;
    rows.replaceChildren();
    next();
  });
  return every(EVERY_MS, next);
}
