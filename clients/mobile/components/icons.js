/** Line icons, 24 px, in the colour of the text beside them. They say nothing that the text does not. */

import { svg } from "../../shared/dom.js";

const PATHS = {
  home: "M4 11.2 12 4l8 7.2M6 9.800V20h12V9.800M10 20v-6h4v6",
  search: "M10.8 17.6a6.8 6.8 0 1 0 0-13.600 6.8 6.8 0 0 0 0 13.600Zm5-1.800L20.500 20.500",
  bag: "M5 8h14l1.200 12.500H3.800L5 8Zm3.500 3V7a3.500 3.500 0 0 1 7 0v4",
  parcel: "M4 7.800 12 4l8 3.800v8.800L12 20.500l-8-3.900V7.800Zm0 0 8 3.800 8-3.800M12 11.600v8.900M8 5.900l8 3.900",
  person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8Zm-8 9c.7-4.200 3.700-6.300 8-6.300s7.300 2.100 8 6.300",
  back: "M15 5l-7 7 7 7",
  forward: "M9 5l7 7-7 7",
  minus: "M5 12h14",
  plus: "M5 12h14M12 5v14",
  close: "M6 6l12 12M18 6 6 18",
  check: "M5 12.500l4.800 4.800L19.500 7",
  cloud: "M4 4l16 16M8.500 8.200A5.500 5.500 0 0 0 7 18.500h10.500M10.500 6.500a5.500 5.500 0 0 1 7.300 4.600 3.800 3.800 0 0 1 2.700 5.400",
  trash: "M5 7h14M9.500 7V4.500h5V7M7 7l.8 13h8.400L17 7M10 11v5.500M14 11v5.500",
};

const STAR = "M12 2.800l2.900 6 6.500.9-4.700 4.600 1.100 6.500-5.800-3.100-5.800 3.100 1.100-6.500L2.600 9.700l6.500-.9z";

/** @param {keyof typeof PATHS} name */
export function icon(name) {
  const attributes = { class: "icon", viewBox: "0 0 24 24", width: 24, height: 24, "aria-hidden": "true" };
  return svg("svg", attributes, svg("path", { d: PATHS[name] }));
}

export function starIcon() {
  const attributes = { class: "star", viewBox: "0 0 24 24", width: 16, height: 16, "aria-hidden": "true" };
  return svg("svg", attributes, svg("path", { d: STAR }));
}
