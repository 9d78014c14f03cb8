// Panels: tabs that are registered at the gateway, of tables, figures and texts.
import { count, empty, failure, h, renew, table } from "./h.js";

const PAUSE_MS = 5000;

/**
 * The tab of a panel.
 * @param {{name: string, title: string}} panel
 * @returns {import("./shell.js").Tab}
 */
export const panelTab = ({ name, title }) => ({
  id: `panel-${name}`,
  title,
  mount(element, api) {
    const body = h("div");
    element.append(h("h1", null, title), body);
    let ended = false;
    const read = async () => {
      try {
        const parts = await api.get(`/console/api/panels/${name}`);
        renew(body, ...(parts.length ? parts.map(part) : [empty("Nothing to show", "")]));
      } catch (error) {
        body.replaceChildren(failure(error));
      }
      if (!ended) timer = setTimeout(read, PAUSE_MS);
    };
    let timer = 0;
    read();
    return () => {
      ended = true;
      clearTimeout(timer);
    };
  },
});

/** One part of a panel, by its kind. */
function part(each) {
  if (each.kind === "figures") {
    return h("dl", { class: "figures" }, Object.entries(each.figures).map(([term, value]) => h("div", null, h("dt", null, term), h("dd", null, text(value)))));
  }
  if (each.kind === "text") return h("p", null, each.text);
  const kinds = each.columns.map((_, i) => each.rows.some((row) => typeof row[i] === "number") && "number");
  return h("section", null, h("h2", null, each.title), table(each.title, each.columns.map((head, i) => [head, kinds[i]]),
    each.rows.map((row) => h("tr", null, row.map((cell, i) => h("td", { class: kinds[i] }, text(cell)))))));
}

const text = (value) => typeof value === "number" && Number.isInteger(value) ? count(value) : value ?? "–";
