// Pages: each one's graph, what became of its sources, and its last and slowest runs.
import { count, decoded, empty, failure, h, number, renew, table } from "./h.js";
import { drawGraph } from "./graph.js";
import { live } from "./live.js";
import { onTable } from "./overview.js";
import { showRuns } from "./runs.js";

export const id = "pages";
export const title = "Pages";

/** @param {HTMLElement} element @param {import("./api.js").Api} api */
export function mount(element, api) {
  /** @type {any[]} */
  let pages = [];
  const list = h("ul", { class: "choices", "aria-label": "Pages" });
  const detail = h("div", { class: "detail" });
  element.append(h("h1", null, "Pages"), h("div", { class: "beside" }, list, detail));
  let end = () => {};

  const choose = () => {
    end();
    end = () => {};
    const [, tab, wanted] = location.hash.split("/");
    const page = pages.find((each) => tab === id && each.title === decoded(wanted ?? "")) ?? pages[0];
    list.replaceChildren(...pages.map((each) => h("li", null,
      h("a", { href: `#/pages/${encodeURIComponent(each.title)}`, "aria-current": each === page && "true" }, each.title))));
    if (page) end = show(detail, page, api);
    else detail.replaceChildren(empty("There are no pages here", "Pages of apps that are mounted in the gateway (app://), and aggregates of its table, are shown."));
  };
  const read = async () => {
    try {
      pages = await api.get("/console/api/pages");
      choose();
    } catch (error) {
      detail.replaceChildren(failure(error));
    }
  };
  const off = onTable(read);
  window.addEventListener("hashchange", choose);
  return () => {
    window.removeEventListener("hashchange", choose);
    off();
    end();
  };
}

function show(detail, page, api) {
  const sources = h("div");
  const runs = h("div");
  detail.replaceChildren(
    h("h2", { class: "mono" }, page.title),
    h("p", { class: "muted" }, page.public.length ? `Public as ${page.public.join(", ")}` : "No route leads here", ` · deadline ${page.deadline} s`),
    h("div", { class: "scroll drawing", tabindex: "0", role: "region", "aria-label": "Graph" }, drawGraph(page)),
    h("h3", null, "Sources"), sources, runs);
  const ends = [
    live.watch((changed) => (changed.pages || !sources.childElementCount) && renew(sources, sourceTable(page))),
    showRuns(runs, page, api),
  ];
  return () => ends.forEach((end) => end());
}

/** The table is what the drawing says, with what became of each source. */
function sourceTable(page) {
  const did = live.row("pages", page.name);
  const cells = (counts) => h("td", null, h("span", { class: "chips" }, Object.entries(counts ?? {}).map(([kind, times]) =>
    h("span", { class: "chip" }, `${kind} `, h("b", null, count(/** @type {number} */ (times)))))));
  const name = (i) => page.boxes[i].lines[0];
  const rows = page.boxes.flatMap((box, i) => box.kind !== "source" ? [] : [h("tr", null,
    h("th", { scope: "row" }, name(i)),
    h("td", null, page.arrows.filter((each) => each.end === i).map((each) => name(each.start)).join(", ") || "–"),
    h("td", null, box.optional ? "optional" : "required"),
    cells(did[name(i)]?.degraded), cells(did[name(i)]?.cache),
    number(page.retry_budgets?.[name(i)] ?? "–"))]);
  return table("Sources", ["Source", "Needs", "Kind", "Degraded, by reason", "Cache", ["Retries left", "number"]], rows);
}
