// Routes: a list that stays quick with thousands, and of one route its layers in order and what each did.
import { count, decoded, empty, failure, h, number, percent, rate, seconds, table } from "./h.js";
import { bucketBounds, live } from "./live.js";
import { onTable, readOverview } from "./overview.js";

export const id = "routes";
export const title = "Routes";

const ROW = 34;
const EXTRA = 8;

/** Outcomes with which a layer has answered a call itself. */
const ANSWERED = new Set(["cache:hit", "cache:stale", "idempotency:replayed"]);

/** How layers are called in words. */
const WORDS = { service: "the service, and what is behind it" };

/**
 * @typedef {{id: string, name: string, methods: string[], auth: string, target: string, priority: string}} Route
 * @type {{head: string, value: (each: {route: Route, figures: import("./live.js").Derived}) => any, text: (each: any) => string, number?: boolean}[]}
 */
const COLUMNS = [
  { head: "Route", value: ({ route }) => route.name, text: ({ route }) => route.name },
  { head: "Methods", value: ({ route }) => route.methods.join(), text: ({ route }) => route.methods.join(" ") },
  { head: "To", value: ({ route }) => route.target, text: ({ route }) => route.target },
  { head: "Calls", value: ({ figures }) => -(figures.row.calls ?? 0), text: ({ figures }) => count(figures.row.calls ?? 0), number: true },
  { head: "Rate", value: ({ figures }) => -figures.rate, text: ({ figures }) => rate(figures.rate), number: true },
  { head: "Errors", value: ({ figures }) => -figures.errors, text: ({ figures }) => percent(figures.rate ? figures.errors : null), number: true },
  { head: "p50", value: ({ figures }) => -(figures.p50 ?? 0), text: ({ figures }) => seconds(figures.p50), number: true },
  { head: "p95", value: ({ figures }) => -(figures.p95 ?? 0), text: ({ figures }) => seconds(figures.p95), number: true },
];

/** @param {HTMLElement} element @param {import("./api.js").Api} api */
export function mount(element, api) {
  /** @type {Route[]} */
  let routes = [];
  /** @type {{route: Route, figures: import("./live.js").Derived}[]} */
  let shown = [];
  let sorted = -1;
  const filter = /** @type {HTMLInputElement} */ (h("input", { type: "search", id: "filter", placeholder: "path, service or method", size: 32, oninput: () => render() }));
  const total = h("span", { class: "muted", role: "status" });
  const body = h("tbody");
  const heads = COLUMNS.map((column, i) => h("th", { scope: "col", class: column.number && "number", "aria-sort": "none" },
    h("button", { type: "button", class: "sort", onclick: () => { sorted = sorted === i ? -1 : i; render(); } }, column.head)));
  const listing = h("table", { class: "fixed" }, h("caption", { class: "hidden" }, "Routes"), h("thead", null, h("tr", null, heads)), body);
  const scroll = h("div", { class: "scroll list", tabindex: "0", role: "region", "aria-label": "Routes", onscroll: () => fillWindow() }, listing);
  const detail = h("div", { class: "detail" });
  element.append(h("h1", null, "Routes"),
    h("div", { class: "bar" }, h("label", { for: "filter" }, "Filter"), filter, total), scroll, detail);

  function render() {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    shown = routes
      .filter((route) => words.every((word) => `${route.id} ${route.target} ${route.auth}`.toLowerCase().includes(word)))
      .map((route) => ({ route, figures: live.of("routes", route.id) }));
    if (sorted >= 0) {
      const { value } = COLUMNS[sorted];
      shown.sort((a, b) => (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0));
    }
    heads.forEach((head, i) => head.setAttribute("aria-sort", i !== sorted ? "none" : COLUMNS[i].number ? "descending" : "ascending"));
    const found = `${count(shown.length)} of ${count(routes.length)} routes`;
    if (total.textContent !== found) total.textContent = found;
    listing.setAttribute("aria-rowcount", String(shown.length + 1));
    fillWindow();
  }

  /** Only the rows in sight exist. */
  function fillWindow() {
    const first = Math.max(0, Math.floor(scroll.scrollTop / ROW) - EXTRA);
    const last = Math.min(shown.length, first + Math.ceil(scroll.clientHeight / ROW) + 2 * EXTRA);
    const space = (rows) => rows > 0 && h("tr", { "aria-hidden": "true" }, h("td", { colspan: COLUMNS.length, class: "space", style: { height: `${rows * ROW}px` } }));
    const focused = document.activeElement?.closest?.("[data-route]")?.getAttribute("data-route");
    body.replaceChildren(...[
      space(first),
      ...shown.slice(first, last).map((each, i) => h("tr", { "aria-rowindex": first + i + 2, class: each.route.id === chosen() && "chosen" },
        COLUMNS.map((column, at) => at
          ? h("td", { class: column.number && "number" }, column.text(each))
          : h("th", { scope: "row" }, h("a", { href: `#/routes/${encodeURIComponent(each.route.id)}`, "data-route": each.route.id }, column.text(each)))))),
      space(shown.length - last),
    ].filter((row) => row instanceof Node));
    const link = focused && body.querySelector(`[data-route="${CSS.escape(focused)}"]`);
    if (link) /** @type {HTMLElement} */ (link).focus({ preventScroll: true });
  }

  let follow = () => {};
  async function choose() {
    follow();
    follow = () => {};
    const wanted = chosen();
    scroll.classList.toggle("alone", !wanted);
    render();
    if (!wanted) {
      detail.replaceChildren(empty("Choose a route", "Its layers, and what each of them did, are shown here."));
      return;
    }
    try {
      const route = await api.get(`/console/api/route?id=${encodeURIComponent(wanted)}`);
      if (chosen() === wanted) follow = show(detail, route);
    } catch (error) {
      detail.replaceChildren(failure(error));
    }
  }

  const read = async () => {
    try {
      await readOverview(api);
      routes = await api.get("/console/api/routes");
      choose();
    } catch (error) {
      detail.replaceChildren(failure(error));
    }
  };
  const ends = [onTable(read), live.watch((changed) => changed.routes && render()), () => follow()];
  window.addEventListener("hashchange", choose);
  return () => {
    window.removeEventListener("hashchange", choose);
    ends.forEach((end) => end());
  };
}

/** The id of the route in the address. */
function chosen() {
  const [, tab, route] = location.hash.split("/");
  return tab === id && route ? decoded(route) : "";
}

/** A route's detail, which follows the figures until the function that this returns is called. */
function show(element, route) {
  const figures = h("dl", { class: "figures" });
  const steps = h("ol", { class: "layers" });
  const bars = h("div");
  element.replaceChildren(
    h("h2", { class: "mono" }, route.id),
    figures,
    h("div", { class: "columns" },
      h("section", null, h("h3", null, "Layers, from the outside in"), steps),
      h("section", null, h("h3", null, "Latency until the response begins"), bars,
        h("details", null, h("summary", null, "What the table says"),
          h("pre", { tabindex: "0" }, JSON.stringify(route.table, null, 2))))));
  return live.watch((changed) => {
    if (!changed.routes || !(route.id in changed.routes) && steps.childElementCount) return;
    const { row, rate: calls, errors, p50, p95 } = live.of("routes", route.id);
    figures.replaceChildren(...Object.entries({
      Calls: count(row.calls ?? 0), "of these 4xx": count(row.refused ?? 0), "5xx": count(row.errors ?? 0), Rate: rate(calls), Errors: percent(calls ? errors : null), p50: seconds(p50), p95: seconds(p95),
      "In flight": count(row.in_flight ?? 0),
      ...(row.left && { "Clients gone": count(row.left) }),
      ...(row.limit && { "Limit in flight": count(row.limit) }),
      ...(row.retry_budget !== undefined && { "Retries left": String(row.retry_budget) }),
    }).map(([term, value]) => h("div", null, h("dt", null, term), h("dd", null, value))));
    steps.replaceChildren(...ladder(route.layers, row));
    bars.replaceChildren(histogram(row.buckets));
  });
}

/** What came to each layer, and what it did. @param {string[]} layers @param {import("./live.js").Row} row */
function ladder(layers, row) {
  let left = row.calls ?? 0;
  return [...layers, "service"].map((layer) => {
    const came = left;
    const did = Object.entries(row.did ?? {}).filter(([what]) => what.split(":")[0] === layer);
    const outcomes = did.map(([what, times]) => {
      const kind = what.slice(layer.length + 1);
      const refused = /^[a-z]+(-[a-z]+)+$/.test(kind) || kind === "overloaded";
      if (refused || ANSWERED.has(what)) left -= times;
      return h("span", { class: `chip ${ANSWERED.has(what) ? "good" : refused ? "warn" : ""}` }, `${kind} `, h("b", null, count(times)));
    });
    return h("li", null, h("span", { class: "layer" }, WORDS[layer] ?? layer.replaceAll("_", " ")),
      h("span", { class: "muted" }, `${count(came)} in`), h("span", { class: "chips" }, outcomes));
  });
}

/** @param {number[] | undefined} buckets */
function histogram(buckets) {
  if (!buckets) return h("p", { class: "muted" }, "No call yet.");
  const most = Math.max(...buckets);
  return table("Latency", ["Up to", ["Calls", "number"], ""], buckets.map((times, i) => h("tr", null,
    h("th", { scope: "row" }, i < bucketBounds().length ? seconds(bucketBounds()[i]) : "more"), number(count(times)),
    h("td", { class: "wide" }, h("div", { class: "meter", style: { width: `${(times / most) * 100}%` } })))));
}
