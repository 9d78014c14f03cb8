// The figures of the gateway, as the admin port's events keep them, and what follows from two of them.

/** Milliseconds over which rates are taken. */
const WINDOW = 10_000;

/**
 * @typedef {{calls?: number, errors?: number, refused?: number, in_flight?: number, buckets?: number[], seconds?: number, [more: string]: any}} Row
 * @typedef {{at: number, row: Row}} Sample
 * @typedef {{row: Row, rate: number, errors: number, p50: number | null, p95: number | null}} Derived
 *   `rate` is of calls a second, `errors` their share that failed; quantiles are in seconds, of the last calls.
 */

/** @type {Record<string, Map<string, Sample[]>>} */
let sections = {};
/** @type {Set<(changed: Record<string, any>) => void>} */
const listeners = new Set();
/** @type {number[]} */
let bounds = [];
/** The upper bounds of buckets, in seconds. */
export const bucketBounds = () => bounds;

export const live = {
  /** The moment of the latest event, in milliseconds since 1970. */
  at: 0,
  /** @param {string} section @returns {string[]} */
  names: (section) => [...(sections[section]?.keys() ?? [])],
  /** @param {string} section @param {string} name @returns {Row} */
  row: (section, name) => sections[section]?.get(name)?.at(-1)?.row ?? {},
  /** @param {string} section @param {string} name @returns {Derived} */
  of: (section, name) => derived([sections[section]?.get(name) ?? []]),
  /** All rows of a section together. @param {string} section @returns {Derived} */
  all: (section) => derived([...(sections[section]?.values() ?? [])]),
  /**
   * Call a function now and after each event with what has changed, until the function that this returns is called.
   * @param {(changed: Record<string, any>) => void} listener
   */
  watch(listener) {
    listeners.add(listener);
    if (live.at) listener(Object.fromEntries(Object.keys(sections).map((name) => [name, {}])));
    return () => listeners.delete(listener);
  },
};

/**
 * Follow the gateway while the page is visible.
 * @param {import("./api.js").Api} api
 * @param {(error: Error | null) => void} onState
 * @returns {() => void}
 */
export function follow(api, onState) {
  /** @type {(() => void) | null} */
  let close = null;
  const turn = () => {
    if (document.hidden) {
      close?.();
      close = null;
    } else {
      close ??= api.events("/console/api/events", take, onState);
    }
  };
  document.addEventListener("visibilitychange", turn);
  turn();
  return () => {
    document.removeEventListener("visibilitychange", turn);
    close?.();
  };
}

/** The upper bounds of buckets, in seconds. @param {number[]} seconds */
export const setBounds = (seconds) => { bounds = seconds; };

/** @param {import("./api.js").ServerEvent} event */
function take({ event, data }) {
  const { at, ...changed } = data;
  if (event === "whole") sections = {};
  live.at = at;
  for (const [section, rows] of Object.entries(changed)) {
    const known = (sections[section] ??= new Map());
    for (const [name, row] of Object.entries(rows)) {
      const samples = known.get(name);
      if (row === null) known.delete(name);
      else if (samples) samples.push({ at, row });
      else known.set(name, [{ at, row }]);
    }
  }
  for (const listener of listeners) listener(changed);
}

/** What follows from the samples of one row, or of several together. @param {Sample[][]} rows @returns {Derived} */
function derived(rows) {
  let [rate, calls, failed] = [0, 0, 0];
  const recent = bounds.map(() => 0).concat(0);
  const ever = [...recent];
  for (const samples of rows) {
    while (samples.length > 1 && samples[1].at <= live.at - WINDOW) samples.shift();
    const row = samples.at(-1)?.row ?? {};
    const then = samples[0]?.row ?? {};
    const more = (row.calls ?? 0) - (then.calls ?? 0);
    calls += more;
    failed += (row.errors ?? 0) - (then.errors ?? 0);
    rate += samples.length > 1 ? more / Math.max(1, Math.min(WINDOW, live.at - samples[0].at) / 1000) : 0;
    row.buckets?.forEach((count, i) => {
      ever[i] += count;
      recent[i] += count - (then.buckets?.[i] ?? 0);
    });
  }
  const taken = recent.some((count) => count > 0) ? recent : ever;
  return { row: rows[0]?.at(-1)?.row ?? {}, rate, errors: calls ? failed / calls : 0, p50: quantile(taken, 0.5), p95: quantile(taken, 0.95) };
}

/** A quantile within its bucket; null without durations. @param {number[]} buckets @param {number} share */
function quantile(buckets, share) {
  const wanted = buckets.reduce((sum, count) => sum + count, 0) * share;
  if (!wanted) return null;
  let below = 0;
  for (const [i, count] of buckets.entries()) {
    if (below + count >= wanted) {
      const from = i ? bounds[i - 1] : 0;
      const to = bounds[i] ?? bounds.at(-1) ?? from;
      return from + (to - from) * ((wanted - below) / count);
    }
    below += count;
  }
  return null;
}
