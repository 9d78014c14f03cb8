// Try it: a request to a route as anybody or as a demo user, with its response and its waterfall.
import { failure, h, table } from "./h.js";
import { choice, field, traceView } from "./traces.js";
import { milliseconds } from "./waterfall.js";

export const id = "try";
export const title = "Try it";

const PLACEHOLDER = /\{(\w+)(:path)?\}/g;
const POLL_MS = 400;
const POLLS = 20;
/** Polls in a row without a further span, after which a trace is taken to be complete. */
const STILL = 3;

/** @param {HTMLElement} element @param {import("./api.js").Api} api */
export function mount(element, api) {
  element.append(h("h1", null, "Try it"));
  const content = h("div");
  element.append(content);
  const end = { ed: false };
  Promise.all([api.get("/console/api/try"), api.get("/console/api/routes")])
    .then(([{ users }, routes]) => content.append(attempt(api, users, routes, () => end.ed)))
    .catch((error) => content.append(failure(error)));
  return () => { end.ed = true; };
}

/** @param {import("./api.js").Api} api @param {string[]} users @param {any[]} routes @param {() => boolean} isEnded */
function attempt(api, users, routes, isEnded) {
  const pathOf = (route) => route.name.slice(route.name.indexOf("/"));
  const wanted = new URLSearchParams(location.hash.split("?")[1] ?? "").get("route");
  const route = choice("route", routes.map((each) => [each.id, `${each.methods.join(" ")} ${each.name}`]), wanted ?? "");
  const user = choice("user", [["", "nobody"], ...users.map((name) => /** @type {[string, string]} */ ([name, name]))]);
  const method = h("div");
  const variables = h("div", { class: "filters" });
  const result = h("div", { "aria-live": "polite" });
  const button = h("button", { class: "primary" }, "Send");
  const form = /** @type {HTMLFormElement} */ (h("form", { onsubmit: send },
    field("Route", route), method, variables,
    field("Query", h("input", { name: "query", placeholder: "name=value&other=value" })),
    field("As", user),
    field("Headers", h("textarea", { name: "headers", placeholder: "Name: value", rows: "2" })),
    field("Body", h("textarea", { name: "body", rows: "4" })),
    button));
  const chosen = () => routes.find((each) => each.id === /** @type {HTMLSelectElement} */ (route).value);
  const choose = () => {
    method.replaceChildren(field("Method", choice("method", chosen().methods.map((name) => [name, name]))));
    variables.replaceChildren(...[...pathOf(chosen()).matchAll(PLACEHOLDER)].map(([, name]) =>
      field(name, h("input", { name: `path-${name}`, required: true }))));
  };
  route.addEventListener("change", choose);
  choose();

  async function send(event) {
    event.preventDefault();
    button.setAttribute("disabled", "");
    result.replaceChildren(h("p", { class: "muted" }, "Waiting for the response …"));
    const data = new FormData(form);
    const text = (name) => String(data.get(name) ?? "").trim();
    const path = pathOf(chosen()).replace(PLACEHOLDER, (_, name, rest) => {
      const parts = rest ? text(`path-${name}`).split("/") : [text(`path-${name}`)];
      return parts.map(encodeURIComponent).join("/");
    });
    const query = text("query").replace(/[^\x21-\x7e]/g, encodeURIComponent).replaceAll("#", "%23");
    const headers = text("headers").split("\n").filter(Boolean).map((line) => {
      const [name, ...value] = line.split(":");
      return [name.trim(), value.join(":").trim()];
    });
    const body = text("body");
    if (body && !headers.some(([name]) => name.toLowerCase() === "content-type")) headers.push(["Content-Type", "application/json"]);
    try {
      const shown = await api.post("/console/api/try", {
        route: chosen().id, method: text("method"), target: query ? `${path}?${query}` : path, headers, body, user: text("user") || null,
      });
      const trace = h("div", null, h("p", { class: "muted" }, "Its spans are on their way …"));
      result.replaceChildren(...replyView(shown), trace);
      follow(api, shown.trace_id, trace, isEnded);
    } catch (error) {
      result.replaceChildren(failure(error));
    } finally {
      button.removeAttribute("disabled");
    }
  }
  return h("div", { class: "attempt" }, form, result);
}

/** @param {any} shown */
function replyView(shown) {
  return [
    h("h2", null, h("span", { class: shown.status >= 400 ? "bad" : "good" }, shown.status), ` in ${milliseconds(shown.ms)}`),
    h("details", null, h("summary", null, `${shown.headers.length} headers`),
      table("Headers of the response", ["Name", "Value"], shown.headers.map(([name, value]) =>
        h("tr", null, h("th", { scope: "row" }, name), h("td", { class: "mono log-text" }, value))))),
    h("pre", { class: "reply", tabindex: "0", role: "region", "aria-label": "Body of the response" }, pretty(shown.body), shown.is_cut && "\n… (cut off)"),
  ];
}

/** @param {string} text */
function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text; // it is no JSON
  }
}

/** Show a trace as soon as its spans are there, and again while more come. */
async function follow(api, trace, element, isEnded) {
  let [seen, still] = [0, 0];
  for (let poll = 0; poll < POLLS && still < STILL && !isEnded(); poll += 1) {
    await new Promise((done) => setTimeout(done, POLL_MS));
    try {
      const found = await api.get(`/console/api/traces/${trace}`);
      still = found.spans.length === seen ? still + 1 : 0;
      if (found.spans.length !== seen) {
        seen = found.spans.length;
        const [, ...view] = traceView(found);
        element.replaceChildren(h("h2", { class: "after" }, "Where its time went"), ...view);
      }
    } catch (error) {
      if (/** @type {any} */ (error).status !== 404) {
        element.replaceChildren(failure(error));
        return;
      }
    }
  }
  if (!seen && !isEnded()) element.replaceChildren(h("p", { class: "muted" }, "No spans came: they may go elsewhere, or not be sampled."));
}
