import { empty } from "./h.js";

export const id = "routes";
export const title = "Routes";

/** @param {HTMLElement} element */
export function mount(element) {
  element.append(empty("Nothing has been called yet", "Figures appear with the first call."));
  return () => {};
}
