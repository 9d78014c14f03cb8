// Upstreams: addresses and their health, breakers, limits, retry budgets and caches.
import { count, empty, h, number, percent, rate, renew, seconds, table } from "./h.js";
import { live } from "./live.js";
import { onTable, readOverview } from "./overview.js";

export const id = "upstreams";
export const title = "Upstreams";

/** @param {HTMLElement} element @param {import("./api.js").Api} api */
export function mount(element, api) {
  const services = h("div");
  const process = h("dl", { class: "figures" });
  const budgets = h("div");
  element.append(h("h1", null, "Upstreams"), services, h("h2", null, "The process"), process, budgets);
  const ends = [onTable(() => readOverview(api).catch(() => {})), live.watch((changed) => {
    if (changed.upstreams) renew(services, upstreams());
    if (changed.process) process.replaceChildren(...figures());
    if (changed.routes) renew(budgets, ...bounded());
  })];
  return () => ends.forEach((end) => end());
}

function upstreams() {
  const names = live.names("upstreams");
  if (!names.length) return empty("The table has no services", "Each section [services.NAME] of the route table is one.");
  return table("Upstreams", ["Service", "State", "Addresses", ["Calls", "number"], ["Rate", "number"], ["Errors", "number"], ["p95", "number"], ["In flight", "number"], "Limit", "Failures by reason"],
    names.map((name) => {
      const { row, rate: calls, errors, p95 } = live.of("upstreams", name);
      return h("tr", null,
        h("th", { scope: "row" }, name),
        h("td", null, state(row)),
        h("td", null, h("ul", { class: "plain" }, (row.addresses ?? []).map(address))),
        number(count(row.calls ?? 0)), number(rate(calls)), number(percent(calls ? errors : null)), number(seconds(p95)), number(count(row.in_flight ?? 0)),
        h("td", null, limit(row.concurrency)),
        h("td", null, h("span", { class: "chips" }, Object.entries(row.reasons ?? {}).map(([reason, times]) =>
          h("span", { class: "chip warn" }, `${reason} `, h("b", null, count(/** @type {number} */ (times))))))));
    }));
}

/** The breaker's state, or whether all addresses are well. @param {import("./live.js").Row} row */
function state(row) {
  const opened = row.opened ? `, opened ${count(row.opened)} times` : "";
  if (row.breaker && row.breaker.state !== "closed") {
    return h("span", { class: "bad" }, `circuit ${row.breaker.state}`, row.breaker.probe_in > 0 && `, probed in ${seconds(row.breaker.probe_in)}`, opened);
  }
  const bad = (row.addresses ?? []).filter((each) => each.healthy === false || each.ejected).length;
  if (bad) return h("span", { class: "warn" }, `${bad} of ${row.addresses.length} addresses out`);
  return row.breaker
    ? h("span", null, `circuit closed: ${count(row.breaker.failures)} of ${count(row.breaker.requests)} failed`, opened)
    : h("span", { class: "muted" }, "no breaker");
}

function address(each) {
  const marks = [each.healthy === false && "unhealthy", each.ejected && "ejected", each.failures > 0 && `${each.failures} failures in a row`].filter(Boolean);
  return h("li", null, h("span", { class: "mono" }, each.url), marks.length > 0 && h("span", { class: "bad" }, ` ${marks.join(", ")}`));
}

const limit = (each) => each
  ? `${count(each.in_flight)} of ${count(each.max_concurrent)}, ${count(each.waiting)} of ${count(each.max_queue)} wait`
  : h("span", { class: "muted" }, "none");

function figures() {
  const row = live.row("process", "gateway");
  const shed = Object.entries(row.shed ?? {}).map(([priority, times]) => `${priority} ${count(/** @type {number} */ (times))}`);
  const found = {
    "Event loop lag": seconds(row.lag),
    "In flight": row.max_in_flight ? `${count(row.in_flight ?? 0)} of ${count(row.max_in_flight)}` : count(row.in_flight ?? 0),
    Shed: shed.join(", ") || "0",
    "Response cache": row.cache ? `${count(row.cache.entries)} ${row.cache.entries === 1 ? "entry" : "entries"}, ${megabytes(row.cache.bytes)} of ${megabytes(row.cache.max_bytes)}` : "off",
    Routes: count(row.routes ?? 0),
    Reloads: Object.entries(row.reloads ?? {}).map(([outcome, times]) => `${outcome} ${times}`).join(", ") || "0",
  };
  return Object.entries(found).map(([term, value]) => h("div", null, h("dt", null, term), h("dd", null, value)));
}

const megabytes = (bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

/** Routes whose limit has adapted, or whose retries have a budget. */
function bounded() {
  const rows = live.names("routes").map((name) => ({ name, row: live.row("routes", name) }))
    .filter(({ row }) => row.limit !== undefined || row.retry_budget !== undefined);
  if (!rows.length) return [];
  return [h("h2", null, "Retry budgets and adaptive limits"), table("Retry budgets and adaptive limits",
    ["Route", ["Retries left", "number"], ["Calls at a time", "number"], ["In flight", "number"]],
    rows.map(({ name, row }) => h("tr", null, h("th", { scope: "row" }, name),
      number(row.retry_budget ?? "–"), number(row.limit ?? "–"), number(count(row.in_flight ?? 0)))))];
}
