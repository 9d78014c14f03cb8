// Logs: the latest of all apps, as they come.
import { clock, empty, failure, h, table } from "./h.js";
import { choice, every, field } from "./traces.js";

export const id = "logs";
export const title = "Logs";

const EVERY_MS = 1000;
const MAX_ROWS = 500;

/** @param {any[]} logs */
export const logTable = (logs) => table("Logs", ["Time", "Level", "Service", "Text", "Trace"], logs.map((log) => h("tr", null,
  h("td", { class: "number" }, clock(log.time * 1000)),
  h("td", { class: `log-${log.level}` }, log.level),
  h("td", null, log.service),
  h("td", { class: "log-text" }, log.text, " ", h("span", { class: "muted" }, log.logger),
    log.attributes["exception.stacktrace"] && h("details", null, h("summary", null, log.attributes["exception.type"]),
      h("pre", null, log.attributes["exception.stacktrace"]))),
  h("td", null, log.trace_id && h("a", { href: `#/traces/${log.trace_id}` }, log.trace_id.slice(0, 8))))));

/** @param {HTMLElement} element @param {import("./api.js").Api} api */
export function mount(element, api) {
  const pause = /** @type {HTMLInputElement} */ (h("input", { type: "checkbox", id: "pause" }));
  const form = /** @type {HTMLFormElement} */ (h("form", { class: "filters", role: "search", onsubmit: (event) => event.preventDefault() },
    field("Text", h("input", { name: "text", type: "search" })),
    field("Service", h("input", { name: "service" })),
    field("Level", choice("level", [["", "All"], ["info", "Info and above"], ["warning", "Warnings and errors"], ["error", "Errors"]])),
    h("div", null, pause, " ", h("label", { for: "pause" }, "Pause"))));
  const rows = h("div");
  element.append(h("h1", null, "Logs"), form, rows);
  /** @type {any[]} */
  let logs = [];
  let read = false;

  const draw = () => rows.replaceChildren(logs.length ? logTable(logs) : empty("No logs", "They appear as apps log."));
  const next = async () => {
    if (pause.checked && read) return;
    const query = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (String(value).trim()) query.set(name, String(value).trim());
    if (logs.length) query.set("after", logs[0].id);
    query.set("limit", "200");
    try {
      const found = await api.get(`/console/api/logs?${query}`);
      if (logs.length) found.reverse(); // those that came after are read from the first
      if (found.length || !read) {
        logs = [...found, ...logs].slice(0, MAX_ROWS);
        draw();
      }
      read = true;
    } catch (error) {
      rows.replaceChildren(failure(error));
    }
  };
  form.addEventListener("change", (event) => {
    if (event.target === pause) return;
    logs = [];
    read = false;
    next();
  });
  return every(EVERY_MS, next);
}
