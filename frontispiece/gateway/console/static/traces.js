// Traces: those that were received, and one with its waterfall and its logs.
import { clock, empty, failure, h, number, table } from "./h.js";
import { logTable } from "./logs.js";
import { milliseconds, waterfall } from "./waterfall.js";

export const id = "traces";
export const title = "Traces";

const EVERY_MS = 2000;
const FIELDS = ["text", "route", "page", "service", "status", "min_ms", "order"];

/** @param {HTMLElement} element @param {import("./api.js").Api} api */
export function mount(element, api) {
  let end = () => {};
  const show = () => {
    const [, tab, trace] = location.hash.split("?")[0].split("/");
    if (tab !== id) return;
    end();
    element.replaceChildren();
    end = trace ? detail(element, api, trace) : list(element, api);
  };
  window.addEventListener("hashchange", show);
  show();
  return () => {
    window.removeEventListener("hashchange", show);
    end();
  };
}

let fields = 0;

/** A labelled field of a form. @param {string} label @param {HTMLElement} input */
export function field(label, input) {
  fields += 1;
  input.id = `field-${fields}`;
  return h("div", { class: "field" }, h("label", { for: input.id }, label), input);
}

/** @param {string} name @param {string[][]} options values and texts @param {string} [chosen] */
export const choice = (name, options, chosen = "") => /** @type {HTMLSelectElement} */ (
  h("select", { name }, options.map(([value, text]) => h("option", { value, selected: value === chosen }, text))));

/** Call a function now and then while the page can be seen; returns what ends it. @param {() => Promise<void>} work @param {number} ms */
export function every(ms, work) {
  let timer = 0;
  let ended = false;
  const run = async () => {
    if (!document.hidden) await work();
    if (!ended) timer = setTimeout(run, ms);
  };
  run();
  return () => {
    ended = true;
    clearTimeout(timer);
  };
}

/** @param {HTMLElement} element @param {import("./api.js").Api} api */
function list(element, api) {
  const given = new URLSearchParams(location.hash.split("?")[1] ?? "");
  const of = (name) => given.get(name) ?? "";
  const query = () => {
    const found = new URLSearchParams();
    for (const name of FIELDS) {
      const value = String(new FormData(form).get(name) ?? "").trim();
      if (value) found.set(name, value);
    }
    return found;
  };
  const form = /** @type {HTMLFormElement} */ (h("form", { class: "filters", role: "search" },
    field("Text or trace id", h("input", { name: "text", type: "search", value: of("text") })),
    field("Route", h("input", { name: "route", value: of("route"), placeholder: "/path/{name}" })),
    field("Page", h("input", { name: "page", value: of("page"), placeholder: "GET app:/path" })),
    field("Service", h("input", { name: "service", value: of("service") })),
    field("Status", choice("status", [["", "Any"], ["error", "With errors"], ["2xx", "2xx"], ["3xx", "3xx"], ["4xx", "4xx"], ["5xx", "5xx"]], of("status"))),
    field("At least ms", h("input", { name: "min_ms", type: "number", min: "0", value: of("min_ms") })),
    field("First", choice("order", [["", "Latest"], ["slowest", "Slowest"]], of("order")))));
  const chosen = new Set();
  const compare = h("a", { class: "hidden" }, "Compare the two");
  const sample = h("p", { class: "muted", hidden: true });
  const rows = h("div");
  const more = h("button", { type: "button", hidden: true, onclick: () => read(true) }, "Older ones");
  element.append(h("h1", null, "Traces"), form, h("p", null, compare), sample, rows, more);
  /** @type {any[]} */
  let shown = [];
  let paged = false;
  /** Which filter a response is of: one of an earlier is too late. */
  let generation = 0;
  const failed = h("div");
  rows.before(failed);

  const pick = (trace, box) => {
    if (box.checked) chosen.add(trace);
    else chosen.delete(trace);
    const [a, b] = chosen;
    compare.className = chosen.size === 2 ? "" : "hidden";
    compare.setAttribute("href", `#/compare/${a}/${b}`);
  };
  const draw = () => {
    more.hidden = shown.length < 50;
    if (!shown.length) {
      rows.replaceChildren(empty("No traces", "They appear with the first request."));
      return;
    }
    rows.replaceChildren(table("Traces", ["Compare", "Began", "Root", "Service", "Status", ["Takes", "number"], ["Spans", "number"], ["Errors", "number"]],
      shown.map((row) => h("tr", null,
        h("td", null, h("input", {
          type: "checkbox", "aria-label": `Compare ${row.root} of ${clock(row.began * 1000)}`, checked: chosen.has(row.trace_id),
          onchange: (event) => pick(row.trace_id, event.target),
        })),
        h("td", null, clock(row.began * 1000)),
        h("th", { scope: "row" }, h("a", { href: `#/traces/${row.trace_id}` }, row.root)),
        h("td", null, row.service),
        h("td", { class: row.status >= 500 && "bad" }, row.status ?? "–"),
        number(milliseconds(row.ms)), number(row.spans),
        h("td", { class: `number ${row.errors ? "bad" : ""}` }, row.errors)))));
  };
  const read = async (older = false) => {
    if (!older && (paged || rows.contains(document.activeElement))) return; // nothing moves under a reader
    const of = generation;
    const asked = query();
    if (older) asked.set("before", shown.at(-1).cursor);
    try {
      const [found, limit] = await Promise.all([api.get(`/console/api/traces?${asked}`), api.get("/console/api/sampling")]);
      if (of !== generation) return;
      failed.replaceChildren();
      sample.hidden = !limit?.left_out;
      if (limit) sample.textContent = `A sample: ${limit.left_out} traces were left out, as the gateway begins ${limit.per_second} a second, and one of each route.`;
      paged = paged || older;
      shown = older ? [...shown, ...found] : found;
      draw();
    } catch (error) {
      if (of === generation) failed.replaceChildren(failure(error));
    }
  };
  const filter = (event) => {
    event.preventDefault();
    history.replaceState(null, "", `#/traces?${query()}`);
    generation += 1;
    paged = false;
    shown = [];
    read();
  };
  form.addEventListener("submit", filter);
  form.addEventListener("change", filter);
  return every(EVERY_MS, () => read());
}

/** @param {HTMLElement} element @param {import("./api.js").Api} api @param {string} trace */
function detail(element, api, trace) {
  const content = h("div");
  element.append(h("p", null, h("a", { href: "#/traces" }, "All traces")), content);
  const read = async () => {
    try {
      content.replaceChildren(...traceView(await api.get(`/console/api/traces/${encodeURIComponent(trace)}`)));
    } catch (error) {
      content.replaceChildren(failure(error));
    }
  };
  const again = h("button", { type: "button", onclick: read }, "Read again");
  element.append(again);
  read();
  return () => {};
}

/** A trace with its waterfall and its logs. @param {{trace_id: string, spans: any[], logs: any[]}} trace */
export function traceView(trace) {
  const first = trace.spans[0];
  return [
    h("h1", null, first ? first.name : "A trace without spans"),
    h("p", { class: "muted mono" }, trace.trace_id),
    trace.spans.length ? waterfall(trace.spans) : empty("No spans", "Its spans are not there yet, were removed, or are not in the sample."),
    h("h2", { class: "after" }, "Logs"),
    trace.logs.length ? logTable(trace.logs) : h("p", { class: "muted" }, "Nothing was logged within it."),
  ];
}
