import { empty } from "./h.js";

export const id = "upstreams";
export const title = "Upstreams";

/** @param {HTMLElement} element */
export function mount(element) {
  element.append(empty("Nothing has been called yet", "Figures appear with the first call."));
  return () => {};
}
