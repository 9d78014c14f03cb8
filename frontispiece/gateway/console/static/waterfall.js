// Where the time of a trace went: its spans as a table, with bars beside the figures that say the same.
import { h } from "./h.js";

/**
 * @typedef {{span_id: string, parent_id: string, service: string, name: string, kind: string, began: number, ms: number,
 *   status: string, attributes: Record<string, any>}} Span `began` is in seconds since 1970
 * @typedef {Span & {depth: number, from: number}} Placed `from` is in milliseconds since the trace began
 */

const COLOURS = 8;

/** @param {number} ms */
export const milliseconds = (ms) => (ms >= 1000 ? `${(ms / 1000).toFixed(2)} s` : `${ms.toFixed(ms < 10 ? 1 : 0)} ms`);

/** The spans from the root down, each after its parent, siblings as they began. @param {Span[]} spans @returns {Placed[]} */
export function placed(spans) {
  const known = new Set(spans.map((span) => span.span_id));
  const began = Math.min(...spans.map((span) => span.began));
  /** @type {Map<string, Span[]>} */
  const children = new Map();
  for (const span of [...spans].sort((a, b) => a.began - b.began)) {
    const parent = known.has(span.parent_id) ? span.parent_id : "";
    children.set(parent, [...(children.get(parent) ?? []), span]);
  }
  /** @type {Placed[]} */
  const rows = [];
  const seen = new Set();
  const add = (span, depth) => {
    if (seen.has(span.span_id)) return;
    seen.add(span.span_id);
    rows.push({ ...span, depth, from: (span.began - began) * 1000 });
    for (const child of children.get(span.span_id) ?? []) add(child, depth + 1);
  };
  for (const span of children.get("") ?? []) add(span, 0);
  for (const span of spans) add(span, 0); // those that are left have parents in a circle
  return rows;
}

/** What went wrong in a span, in a word or two; empty when nothing did. @param {Span} span */
export function fault(span) {
  if (span.attributes["frontispiece.page.degraded"]) return `degraded: ${span.attributes["frontispiece.page.degraded"]}`;
  if (span.status !== "error") return "";
  return String(span.attributes["error.type"] ?? "error");
}

/** A word about what a span is, beside its name. @param {Span} span */
export function about(span) {
  const of = span.attributes;
  const statement = of["db.query.text"];
  if (statement) return statement.startsWith(`${span.name} `) ? statement.slice(span.name.length + 1) : String(statement);
  return [of["server.address"], of["url.path"], of["http.response.status_code"]].filter(Boolean).join(" ");
}

/** The services of spans, each once: its place is its colour. @param {Span[]} spans */
export const servicesOf = (spans) => [...new Set(placed(spans).map((row) => row.service))];

/**
 * @param {Span[]} spans
 * @param {string} [label] for screen readers, where there are several
 * @param {string[]} [services] of all that are beside each other, so that each has one colour
 */
export function waterfall(spans, label = "Waterfall", services = servicesOf(spans)) {
  const rows = placed(spans);
  const end = Math.max(...rows.map((row) => row.from + row.ms), 0.001);
  const colour = (service) => `service-${services.indexOf(service) % COLOURS}`;
  return h("div", { class: "scroll waterfall", tabindex: "0", role: "region", "aria-label": label },
    h("table", null,
      h("caption", { class: "hidden" }, `${rows.length} spans in ${milliseconds(end)}`),
      h("thead", null, h("tr", null, ["Span", "Service", "From", "Takes"].map((head, i) =>
        h("th", { scope: "col", class: i > 1 && "number" }, head)), h("td", { class: "time" }, milliseconds(end)))),
      h("tbody", null, rows.map((row) => rowOf(row, end, colour(row.service))))));
}

/** @param {Placed} row @param {number} end @param {string} colour */
function rowOf(row, end, colour) {
  const wrong = fault(row);
  const more = h("tr", { class: "attributes", hidden: true }, h("td", { colspan: "5" }, attributes(row)));
  const name = h("button", {
    type: "button", class: "plain span-name", "aria-expanded": "false", style: { "padding-left": `${row.depth * 0.9 + 0.2}rem` },
    onclick: () => {
      more.hidden = !more.hidden;
      name.setAttribute("aria-expanded", String(!more.hidden));
    },
  }, row.name, " ", h("span", { class: "muted" }, about(row)), wrong && h("span", { class: "bad" }, ` ${wrong}`));
  const left = Math.min(99.6, (row.from / end) * 100);
  const width = Math.max(0.4, Math.min(100 - left, (row.ms / end) * 100));
  return [
    h("tr", null,
      h("th", { scope: "row" }, name),
      h("td", null, h("span", { class: `dot ${colour}`, "aria-hidden": "true" }), row.service),
      h("td", { class: "number" }, milliseconds(row.from)),
      h("td", { class: "number" }, milliseconds(row.ms)),
      h("td", { class: "time" }, h("div", {
        class: `span-bar ${colour}${wrong ? " failed" : ""}`, style: { left: `${left}%`, width: `${width}%` },
      }))),
    more,
  ];
}

/** @param {Placed} row */
function attributes(row) {
  const all = { kind: row.kind, span_id: row.span_id, ...row.attributes };
  return h("dl", { class: "pairs" }, Object.entries(all).map(([name, value]) => [
    h("dt", null, name), h("dd", { class: "mono" }, typeof value === "string" ? value : JSON.stringify(value)),
  ]));
}
