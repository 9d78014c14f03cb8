// The graph of a page: inputs, sources by how deep they are, and the view; drawn from left to right.
import { curve, svg } from "./h.js";

const BOX = 190;
const LINE = 16;
const GAP_X = 70;
const GAP_Y = 14;
/** The height of a lane: where the arrows of a box go past the boxes of a column. */
const LANE = 4;

/**
 * @typedef {{kind: "input" | "source" | "view", lines: string[], optional: boolean}} Box
 * @typedef {{title: string, boxes: Box[], arrows: {start: number, end: number, optional: boolean}[]}} Graph
 * @param {Graph} graph
 * @returns {SVGElement}
 */
export function drawGraph(graph) {
  const first = graph.boxes.some((box) => box.kind === "input") ? 1 : 0;
  /** @type {number[]} */
  const depths = graph.boxes.map((box) => (box.kind === "input" ? 0 : first));
  // Boxes come so that each is after those it needs; the view is the last.
  graph.boxes.forEach((_, i) => graph.arrows.filter((each) => each.end === i).forEach((each) => {
    depths[i] = Math.max(depths[i], depths[each.start] + 1);
  }));
  const columns = layers(graph, depths);
  const height = (each) => "box" in each ? 12 + LINE * graph.boxes[each.box].lines.length : LANE;
  const total = (column) => column.reduce((sum, each) => sum + height(each) + GAP_Y, -GAP_Y);
  const highest = Math.max(...columns.map(total));
  /** @type {{x: number, y: number}[]} */
  const at = [];
  /** The middle of each box and lane. @type {Map<string, number>} */
  const middles = new Map();
  columns.forEach((column, depth) => {
    // Those with the same arrows stay as they are; the others stand where their arrows come from.
    const from = (each) => {
      const ys = each.from.map((start) => middles.get(`${start} ${depth - 1}`) ?? 0);
      return ys.reduce((sum, y) => sum + y, 0) / Math.max(1, ys.length);
    };
    column.sort((a, b) => from(a) - from(b));
    let y = (highest - total(column)) / 2;
    for (const each of column) {
      middles.set(`${"box" in each ? each.box : each.from[0]} ${depth}`, y + height(each) / 2);
      if ("box" in each) at[each.box] = { x: depth * (BOX + GAP_X), y };
      y += height(each) + GAP_Y;
    }
  });
  const edges = graph.arrows.map(({ start, end, optional }) => {
    let d = `M${at[start].x + BOX} ${middles.get(`${start} ${depths[start]}`)}`;
    for (let depth = depths[start] + 1; depth <= depths[end]; depth += 1) {
      const x = depth * (BOX + GAP_X);
      const to = middles.get(`${depth === depths[end] ? end : start} ${depth}`) ?? 0;
      d += ` ${curve(x - GAP_X, middles.get(`${start} ${depth - 1}`) ?? 0, x, to)}${depth < depths[end] ? ` H${x + BOX}` : ""}`;
    }
    return svg("path", { class: `edge${optional ? " optional" : ""}`, d });
  });
  const boxes = graph.boxes.map((box, i) => svg("g", { class: `node ${box.kind}${box.optional ? " optional" : ""}` },
    svg("rect", { x: at[i].x, y: at[i].y, width: BOX, height: height({ box: i }), rx: box.kind === "input" ? 14 : 6 }),
    box.lines.map((line, n) => svg("text", { class: n ? "small" : "", x: at[i].x + BOX / 2, y: at[i].y + 6 + LINE * (n + 0.7), "text-anchor": "middle" }, fitted(line)))));
  const width = columns.length * (BOX + GAP_X) - GAP_X;
  return svg("svg", { class: "graph", viewBox: `-2 -2 ${width + 4} ${highest + 4}`, style: { "max-width": `${width * 1.1}px` }, role: "img", "aria-label": `The graph of ${graph.title}` }, edges, boxes);
}

/**
 * The boxes of each depth, and a lane for each box whose arrows go on past that depth.
 * @param {Graph} graph @param {number[]} depths
 * @returns {({box: number, from: number[]} | {from: number[]})[][]} `from` is where arrows come from
 */
function layers(graph, depths) {
  return Array.from({ length: Math.max(...depths) + 1 }, (_, depth) => [
    ...graph.boxes.flatMap((_, box) => depths[box] !== depth ? []
      : [{ box, from: graph.arrows.filter((each) => each.end === box).map((each) => each.start) }]),
    ...graph.boxes.flatMap((_, start) => depths[start] < depth && graph.arrows.some((each) => each.start === start && depths[each.end] > depth)
      ? [{ from: [start] }] : []),
  ]);
}

const fitted = (line) => line.length > 30 ? `${line.slice(0, 29)}…` : line;
