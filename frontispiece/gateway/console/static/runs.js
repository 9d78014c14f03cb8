// The slowest and the latest runs of a page, and the waterfall of one of them.
import { clock, failure, h } from "./h.js";
import { milliseconds, waterfall } from "./waterfall.js";

const LIMIT = 6;

/** @param {HTMLElement} element @param {{title: string}} page `GET app:/path`, or an aggregate's `GET /path` @param {import("./api.js").Api} api */
export function showRuns(element, page, api) {
  const [by, name] = page.title.includes(" /") ? ["route", page.title.split(" ")[1]] : ["page", page.title];
  const query = new URLSearchParams({ [by]: name, limit: String(LIMIT) });
  const drawn = h("div", { "aria-live": "polite" });
  let ended = false;

  const draw = async (trace) => {
    try {
      const found = await api.get(`/console/api/traces/${trace}`);
      drawn.replaceChildren(waterfall(found.spans));
    } catch (error) {
      drawn.replaceChildren(failure(error));
    }
  };
  const choices = (title, runs) => h("section", null, h("h3", null, title), h("ul", { class: "chips plain" }, runs.map((run) =>
    h("li", null, h("button", { type: "button", class: "chip", onclick: () => draw(run.trace_id) },
      `${milliseconds(run.ms)} · ${clock(run.began * 1000)}${run.errors ? " · errors" : ""}`)))));
  const read = async () => {
    try {
      const [slowest, latest] = await Promise.all(["slowest", "latest"].map((order) => api.get(`/console/api/traces?${query}&order=${order}`)));
      if (ended) return;
      if (!slowest.length) {
        element.replaceChildren(h("h3", null, "Runs"), h("p", { class: "muted" }, "No run of it has been received yet."));
        return;
      }
      const two = [slowest[0], latest[0]].map((run) => run.trace_id);
      element.replaceChildren(choices("Slowest runs", slowest), choices("Latest runs", latest),
        h("p", null, h("a", { href: `#/traces?${by}=${encodeURIComponent(name)}&order=slowest` }, "All runs"),
          two[0] !== two[1] && [" · ", h("a", { href: `#/compare/${two[1]}/${two[0]}` }, "The latest and the slowest compared")]),
        drawn);
      draw(slowest[0].trace_id);
    } catch (error) {
      element.replaceChildren(h("h3", null, "Runs"), h("p", { class: "muted" }, error instanceof Error ? error.message : String(error)));
    }
  };
  read();
  return () => { ended = true; };
}
