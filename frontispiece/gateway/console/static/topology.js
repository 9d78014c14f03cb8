// Topology: clients, the gateway, its BFFs and services in layers, with what goes between them.
import { curve, empty, failure, h, number, percent, rate, seconds, svg, table } from "./h.js";
import { live } from "./live.js";
import { onTable, readOverview } from "./overview.js";

export const id = "topology";
export const title = "Topology";

const WIDTH = 1400;
const NODE = 150;
const SLOT = 18;
const GAP = 9;
/** The height of a lane: where an edge goes past the nodes of a column. */
const LANE = 12;
const LABEL = 190;
/** Clients that do not say in X-Client who they are. */
const OTHERS = "others";
const COLUMNS = [0, 340, 700, WIDTH - NODE];

const NOTHING = { row: /** @type {import("./live.js").Row} */ ({}), errors: 0, p50: null, p95: null };

/**
 * @typedef {{from: string, to: string, uncounted?: boolean, section: string, row: string}} Edge
 * @typedef {{name: string, column: number, x: number, y: number, height: number, incoming: Edge[]}} Placed
 * @typedef {{y: number, height: number}} Lane the way of an edge past the nodes of a column
 */

/** @param {HTMLElement} element @param {import("./api.js").Api} api */
export function mount(element, api) {
  const drawing = h("div", { class: "topology" });
  const listing = h("div", null);
  element.append(h("h1", null, "Topology"), drawing, h("h2", null, "The same as a table"), listing);
  /** @type {import("./overview.js").Overview | null} */
  let overview = null;
  let shape = "";
  let update = () => {};
  const render = () => {
    if (!overview) return;
    const clients = clientNames();
    const now = JSON.stringify([clients, overview]);
    if (now !== shape) {
      shape = now;
      update = draw(drawing, listing, overview, clients);
    }
    update();
  };
  const read = async () => {
    try {
      overview = await readOverview(api);
      render();
    } catch (error) {
      drawing.replaceChildren(failure(error));
    }
  };
  const ends = [onTable(read), live.watch(render)];
  return () => ends.forEach((end) => end());
}

/** Those that name themselves, and the others. */
const clientNames = () => [...live.names("clients").filter((name) => name !== OTHERS).sort(), OTHERS];

/** Calls a second of a client; only calls together are counted by error and latency. @param {string} name */
function clientRate(name) {
  if (name !== OTHERS) return live.of("clients", name).rate;
  const named = live.names("clients").reduce((sum, each) => sum + live.of("clients", each).rate, 0);
  const rest = live.all("routes").rate - named;
  return rest < 0.005 ? 0 : rest; // no more than two samples apart
}

/** @returns {Edge[]} */
function edgesOf(overview, clients) {
  return [
    ...clients.map((name) => ({ from: `client ${name}`, to: "gateway", section: "clients", row: name })),
    ...overview.edges.map((edge) => edge.from === "gateway"
      ? { ...edge, section: "upstreams", row: edge.to }
      : { ...edge, section: "calls", row: `${edge.from}/${edge.to}` }),
  ];
}

/** Nodes by name, each high enough for what comes in, and the lanes of edges past the BFFs. @returns {{nodes: Map<string, Placed>, lanes: Map<Edge, Lane>}} */
function place(overview, clients, edges) {
  const column = (name) => name.startsWith("client ") ? 0 : name === "gateway" ? 1
    : overview.services.some((each) => each.name === name && each.kind === "bff") ? 2 : 3;
  const names = [...clients.map((name) => `client ${name}`), "gateway", ...overview.services.map((each) => each.name)];
  const nodes = names.map((name) => {
    const incoming = edges.filter((edge) => edge.to === name);
    const height = 10 + SLOT * Math.max(name === "gateway" ? 3 : 1, incoming.length);
    return { name, column: column(name), x: COLUMNS[column(name)], y: 0, height, incoming };
  });
  /** @type {Map<Edge, Lane>} */
  const lanes = new Map();
  /** @type {(Placed | Lane)[][]} */
  const columns = COLUMNS.map((_, i) => nodes.filter((node) => node.column === i));
  if (columns[2].length) {
    const past = nodes.flatMap((to) => to.column < 3 ? [] : to.incoming.filter((edge) => edge.from === "gateway"));
    for (const edge of past) lanes.set(edge, { y: 0, height: LANE - GAP });
    const of = past.map((edge) => /** @type {Lane} */ (lanes.get(edge)));
    columns[2] = [...of.slice(0, past.length / 2), ...columns[2], ...of.slice(past.length / 2)];
  }
  const total = (list) => list.reduce((sum, node) => sum + node.height + GAP, -GAP);
  const highest = Math.max(...columns.map(total));
  for (const list of columns) {
    let y = (highest - total(list)) / 2;
    for (const node of list) {
      node.y = y;
      y += node.height + GAP;
    }
  }
  return { nodes: new Map(nodes.map((node) => [node.name, node])), lanes };
}

/** Draws nodes, edges and rows; returns what writes the figures of this moment onto them. */
function draw(drawing, listing, overview, clients) {
  const edges = edgesOf(overview, clients);
  if (!overview.services.length) {
    drawing.replaceChildren(empty("The table has no services", "Add one to the route table, and a route to it."));
    return () => {};
  }
  const { nodes, lanes } = place(overview, clients, edges);
  /** @param {string} name */
  const node = (name) => /** @type {Placed} */ (nodes.get(name));
  const bottom = Math.max(node("gateway").y + node("gateway").height + 60, ...[...nodes.values()].map((each) => each.y + each.height));
  const lines = svg("g");
  const boxes = svg("g");
  const labels = svg("g");
  const rows = [];
  const updates = edges.map((edge) => {
    const from = node(edge.from);
    const to = node(edge.to);
    const slot = to.incoming.indexOf(edge);
    const y = to.y + 5 + SLOT * (slot + 0.5);
    const end = to.x - (to.column < 3 ? 120 : LABEL);
    const start = from.y + from.height / 2;
    const lane = lanes.get(edge);
    const way = lane
      ? `${curve(from.x + NODE, start, COLUMNS[2], lane.y + lane.height / 2)} H${COLUMNS[2] + NODE} ${curve(COLUMNS[2] + NODE, lane.y + lane.height / 2, end, y)}`
      : curve(from.x + NODE, start, end, y);
    const path = svg("path", { class: "edge", d: `M${from.x + NODE} ${start} ${way} H${to.x}` });
    const label = svg("text", { class: "edge-label", x: to.x - 8, y: y - 5, "text-anchor": "end" });
    lines.append(path);
    labels.append(label);
    const cells = Array.from({ length: 5 }, () => number());
    rows.push(h("tr", null, h("th", { scope: "row" }, name(edge.from)), h("td", null, name(edge.to)), cells));
    return () => write(edge, path, label, cells);
  });
  const whole = ["rate", "errors", "p95"].map(() => svg("text", { class: "small" }));
  for (const { name: text, column, x, y, height } of nodes.values()) {
    boxes.append(svg("g", { class: `node column-${column}` },
      svg("rect", { x, y, width: NODE, height, rx: 8 }),
      svg("text", { x: x + NODE / 2, y: y + height / 2, "text-anchor": "middle", "dominant-baseline": "central" }, name(text))));
  }
  const gateway = node("gateway");
  whole.forEach((text, i) => {
    for (const [key, value] of Object.entries({ x: gateway.x + NODE / 2, y: gateway.y + gateway.height + 18 * (i + 1), "text-anchor": "middle" })) text.setAttribute(key, String(value));
    boxes.append(text);
  });
  updates.push(() => {
    const { rate: calls, errors, p95 } = live.all("routes");
    [`${rate(calls)} in all`, `${percent(calls ? errors : null)} failed`, `p95 ${seconds(p95)}`].forEach((text, i) => { whole[i].textContent = text; });
  });
  drawing.replaceChildren(svg("svg", {
    viewBox: `-2 -14 ${WIDTH + 4} ${bottom + 18}`, role: "img", "aria-label": "What calls what; the table below says the same.",
  }, lines, boxes, labels));
  listing.replaceChildren(table("What calls what",
    ["From", "To", ["Calls", "number"], ["Errors", "number"], ["p50", "number"], ["p95", "number"], ["In flight", "number"]], rows));
  return () => updates.forEach((each) => each());
}

const name = (text) => text.replace(/^client /, "");

/** The figures of one edge. @param {Edge} edge */
function write(edge, path, label, cells) {
  if (edge.uncounted) {
    label.textContent = "not counted";
    path.setAttribute("class", "edge idle");
    return;
  }
  const { rate: calls, errors, p50, p95, row } = edge.section === "clients" ? { ...NOTHING, rate: clientRate(edge.row) } : live.of(edge.section, edge.row);
  const texts = [rate(calls), percent(calls && edge.section !== "clients" ? errors : null), seconds(p50), seconds(p95), String(row.in_flight ?? 0)];
  cells.forEach((cell, i) => { cell.textContent = texts[i]; });
  const parts = [rate(calls), p95 === null ? "" : seconds(p95), errors ? `${percent(errors)} failed` : ""];
  label.textContent = calls ? parts.filter(Boolean).join(" · ") : "";
  label.setAttribute("class", calls && errors ? "edge-label bad" : "edge-label");
  path.setAttribute("class", `edge${calls ? "" : " idle"}${calls && errors > 0.01 ? " failing" : ""}`);
  path.style.setProperty("stroke-width", String(calls ? Math.min(7, 1.5 + Math.log2(1 + calls) / 1.5) : 1));
}
