// The graph of a page: inputs, sources by how deep they are, and the view; drawn from left to right.
import { svg } from "./h.js";

const BOX = 190;
const LINE = 16;
const GAP_X = 70;
const GAP_Y = 14;

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
  const columns = Array.from({ length: Math.max(...depths) + 1 }, (_, depth) => graph.boxes.map((_, i) => i).filter((i) => depths[i] === depth));
  const height = (i) => 12 + LINE * graph.boxes[i].lines.length;
  const total = (column) => column.reduce((sum, i) => sum + height(i) + GAP_Y, -GAP_Y);
  const highest = Math.max(...columns.map(total));
  /** @type {{x: number, y: number}[]} */
  const at = [];
  columns.forEach((column, depth) => {
    let y = (highest - total(column)) / 2;
    for (const i of column) {
      at[i] = { x: depth * (BOX + GAP_X), y };
      y += height(i) + GAP_Y;
    }
  });
  const edges = graph.arrows.map(({ start, end, optional }) => {
    const x = at[start].x + BOX;
    const [y, to] = [at[start].y + height(start) / 2, at[end].y + height(end) / 2];
    const bend = (at[end].x - x) / 2;
    return svg("path", { class: `edge${optional ? " optional" : ""}`, d: `M${x} ${y} C${x + bend} ${y} ${at[end].x - bend} ${to} ${at[end].x} ${to}` });
  });
  const boxes = graph.boxes.map((box, i) => svg("g", { class: `node ${box.kind}${box.optional ? " optional" : ""}` },
    svg("rect", { x: at[i].x, y: at[i].y, width: BOX, height: height(i), rx: box.kind === "input" ? 14 : 6 }),
    box.lines.map((line, n) => svg("text", { class: n ? "small" : "", x: at[i].x + BOX / 2, y: at[i].y + 6 + LINE * (n + 0.7), "text-anchor": "middle" }, fitted(line)))));
  const width = columns.length * (BOX + GAP_X) - GAP_X;
  return svg("svg", { class: "graph", viewBox: `-2 -2 ${width + 4} ${highest + 4}`, style: { "max-width": `${width * 1.1}px` }, role: "img", "aria-label": `The graph of ${graph.title}` }, edges, boxes);
}

const fitted = (line) => line.length > 30 ? `${line.slice(0, 29)}…` : line;
