/** Line icons, 20 px, in the colour of the text beside them. They say nothing that the text does not. */

import { svg } from "../../shared/dom.js";

const PATHS = {
  search: "M9 15a6 6 0 1 0 0-12 6 6 0 0 0 0 12Zm4.5-1.5L18 18",
  bag: "M4 6.5h12l1 11H3l1-11Zm3 2V5a3 3 0 0 1 6 0v3.5",
  person: "M10 10a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7Zm-7 8c.6-3.6 3.2-5.5 7-5.5s6.4 1.9 7 5.5",
  bell: "M5 14V9a5 5 0 0 1 10 0v5l1.500 1.500h-13L5 14Zm3.500 3.500h3",
  minus: "M4 10h12",
  plus: "M4 10h12M10 4v12",
  close: "M5 5l10 10M15 5L5 15",
  check: "M4 10.5l4 4L16 6",
  filter: "M3 5h14M6 10h8M8.5 15h3",
};

/** @param {keyof typeof PATHS} name */
export function icon(name) {
  const path = svg("path", { d: PATHS[name] });
  const attributes = { class: "icon", viewBox: "0 0 20 20", width: 20, height: 20, "aria-hidden": "true" };
  return svg("svg", attributes, path);
}
