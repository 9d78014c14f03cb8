// What there is: services and what calls what. Read when the page opens, and anew after each reload of the table.
import { live, setBounds } from "./live.js";

/**
 * @typedef {{
 *   services: {name: string, kind: "bff" | "service"}[],
 *   edges: {from: string, to: string, uncounted?: boolean}[],
 *   bounds: number[], panels: {name: string, title: string}[], actions: {reload: boolean, purge: boolean},
 * }} Overview
 */

/** @param {import("./api.js").Api} api @returns {Promise<Overview>} */
export async function readOverview(api) {
  const found = await api.get("/console/api/overview");
  setBounds(found.bounds);
  return found;
}

/**
 * Call a function now and whenever the table has changed, until the function that this returns is called.
 * @param {() => void} listener
 */
export function onTable(listener) {
  let version = "";
  return live.watch(() => {
    const row = live.row("process", "gateway");
    const now = JSON.stringify([row.reloads?.done, row.routes]);
    if (now !== version) {
      version = now;
      listener();
    }
  });
}
