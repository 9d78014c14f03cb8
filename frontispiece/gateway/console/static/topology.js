import { empty } from "./h.js";

export const id = "topology";
export const title = "Topology";

/** @param {HTMLElement} element */
export function mount(element) {
  element.append(empty("Nothing has been called yet", "Figures appear with the first call."));
  return () => {};
}
