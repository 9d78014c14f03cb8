// The last and the slowest runs of a page.
import { empty } from "./h.js";

/** @param {HTMLElement} element */
export function showRuns(element) {
  element.replaceChildren(empty("No runs yet", "Runs are shown where traces are received."));
  return () => {};
}
