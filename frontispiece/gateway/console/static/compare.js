// Compare: two runs of a page side by side, source by source.
import { clock, empty, failure, h, number, table } from "./h.js";
import { choice, field } from "./traces.js";
import { about, fault, milliseconds, placed, servicesOf, waterfall } from "./waterfall.js";

export const id = "compare";
export const title = "Compare";

/** What counts as slower or faster: more than this share, and more than these milliseconds. */
const SHARE = 0.2;
const LEAST_MS = 1;

/** @param {HTMLElement} element @param {import("./api.js").Api} api */
export function mount(element, api) {
  const choices = h("div", { class: "filters" });
  const result = h("div", { "aria-live": "polite" });
  element.append(h("h1", null, "Compare"), choices, result);
  /** @type {any[]} */
  let traces = [];
  const keyOf = (row) => row.page ?? row.route ?? row.root;

  const show = async () => {
    const [, tab, a, b] = location.hash.split("?")[0].split("/");
    if (tab !== id) return;
    try {
      const [first, second] = a && b ? await Promise.all([a, b].map((each) => api.get(`/console/api/traces/${each}`))) : [];
      traces = await api.get("/console/api/traces?limit=200");
      offer(a, b);
      if (first) result.replaceChildren(...comparison(first, second));
      else result.replaceChildren(empty("No two runs are chosen", "Choose a page and two of its runs, or two traces in the list of traces."));
    } catch (error) {
      result.replaceChildren(failure(error));
    }
  };
  const offer = (a, b) => {
    const of = traces.find((row) => row.trace_id === a);
    const keys = [...new Set(traces.map(keyOf))].sort();
    const key = of ? keyOf(of) : choices.querySelector("select")?.value ?? keys[0];
    const runs = traces.filter((row) => keyOf(row) === key);
    const text = (row) => `${clock(row.began * 1000)} · ${milliseconds(row.ms)} · ${row.status ?? "–"}`;
    const named = (chosen) => [["", "–"], ...runs.map((row) => [row.trace_id, text(row)]),
      ...(chosen && !runs.some((row) => row.trace_id === chosen) ? [[chosen, chosen.slice(0, 8)]] : [])];
    const page = choice("page", keys.map((each) => [each, each]), key);
    const one = choice("a", named(a), a);
    const two = choice("b", named(b), b);
    page.addEventListener("change", () => offer("", ""));
    for (const select of [one, two]) select.addEventListener("change", () => {
      if (one.value && two.value) location.hash = `#/compare/${one.value}/${two.value}`;
    });
    choices.replaceChildren(field("Page or route", page), field("First run", one), field("Second run", two));
  };
  window.addEventListener("hashchange", show);
  show();
  return () => window.removeEventListener("hashchange", show);
}

/** A span's place in its trace, by names, which is the same in every run. @param {any[]} spans */
function byPlace(spans) {
  const rows = placed(spans);
  const found = new Map();
  const path = [];
  for (const row of rows) {
    path.length = row.depth;
    path.push(`${row.service} ${row.name} ${row.attributes["server.address"] ?? ""}`);
    let place = path.join(" > ");
    for (let again = 2; found.has(place); again += 1) place = `${path.join(" > ")} (${again})`;
    found.set(place, row);
  }
  return found;
}

/** What became of a span between two runs. @param {any} a @param {any} b */
function verdict(a, b) {
  if (!a) return ["added", "warn"];
  if (!b) return ["left out", "warn"];
  if (fault(b) && !fault(a)) return [fault(b), "bad"];
  if (fault(a) && !fault(b)) return ["works again", "good"];
  const [more, least] = [b.ms - a.ms, Math.max(LEAST_MS, a.ms * SHARE)];
  if (more > least) return ["slower", "warn"];
  return -more > least ? ["faster", "good"] : ["", ""];
}

/** @param {any} first @param {any} second */
function comparison(first, second) {
  const [a, b] = [byPlace(first.spans), byPlace(second.spans)];
  const places = [...new Set([...a.keys(), ...b.keys()])];
  const isSource = (place) => (a.get(place) ?? b.get(place)).attributes["frontispiece.source"] !== undefined;
  const rows = (of) => of.map((place) => {
    const [one, two] = [a.get(place), b.get(place)];
    const span = one ?? two;
    const [word, kind] = verdict(one, two);
    const difference = one && two ? two.ms - one.ms : null;
    return h("tr", null,
      h("th", { scope: "row" }, span.attributes["frontispiece.source"] ?? [span.name, " ", h("span", { class: "muted" }, about(span))]),
      h("td", null, span.service),
      number(one ? milliseconds(one.ms) : "–"), number(two ? milliseconds(two.ms) : "–"),
      number(difference === null ? "–" : `${difference > 0 ? "+" : "−"}${milliseconds(Math.abs(difference))}`),
      h("td", { class: kind }, word));
  });
  const services = [...new Set([first, second].flatMap((trace) => servicesOf(trace.spans)))];
  const heads = ["Service", ["First", "number"], ["Second", "number"], ["Difference", "number"], "What changed"];
  const sources = places.filter(isSource);
  const changed = places.filter((place) => !isSource(place) && verdict(a.get(place), b.get(place))[0]);
  return [
    h("h2", null, "Sources"),
    sources.length ? table("Sources", ["Source", ...heads], rows(sources)) : h("p", { class: "muted" }, "Neither run has sources of a page."),
    h("h2", { class: "after" }, "Other spans that changed"),
    changed.length ? table("Other spans", ["Span", ...heads], rows(changed)) : h("p", { class: "muted" }, "None."),
    h("div", { class: "sides" }, [first, second].map((trace, i) => h("section", null,
      h("h2", { class: "after" }, i ? "Second run" : "First run"),
      h("p", null, h("a", { class: "mono", href: `#/traces/${trace.trace_id}` }, trace.trace_id)),
      trace.spans.length ? waterfall(trace.spans, `Waterfall of the ${i ? "second" : "first"} run`, services) : empty("No spans", "They were removed.")))),
  ];
}
