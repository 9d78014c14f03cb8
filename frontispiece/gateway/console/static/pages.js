import { empty } from "./h.js";

export const id = "pages";
export const title = "Pages";

/** @param {HTMLElement} element */
export function mount(element) {
  element.append(empty("Nothing has been called yet", "Figures appear with the first call."));
  return () => {};
}
