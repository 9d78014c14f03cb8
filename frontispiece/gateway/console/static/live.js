// The figures of the gateway, as the admin port's events keep them, and what follows from two of them.

/** Milliseconds over which rates are taken. */
const WINDOW = 10_000;
const EVENTS = "/console/api/events";
/** The name of the lock and of the channel that windows share. */
const SHARED = "frontispiece-events";

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
  /** How many times the stream has begun; after a restart of the gateway it begins anew. */
  begun: 0,
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
      close ??= shared(api, onState);
    }
  };
  document.addEventListener("visibilitychange", turn);
  turn();
  return () => {
    document.removeEventListener("visibilitychange", turn);
    close?.();
  };
}

/**
 * One stream for all windows, as a browser has six connections to an address: the window that has the lock reads it
 * and passes each event on to the others. Where the browser has no locks (plain HTTP beyond loopback) each reads its own.
 * @param {import("./api.js").Api} api
 * @param {(error: Error | null) => void} onState
 * @returns {() => void}
 */
function shared(api, onState) {
  if (!navigator.locks) return api.events(EVENTS, take, onState);
  const channel = new BroadcastChannel(SHARED);
  const ended = new AbortController();
  let reads = false;
  /** @type {Error | null} */
  let broken = null;
  channel.onmessage = ({ data }) => {
    if (data.joined && reads) channel.postMessage({ event: live.at ? whole() : null, error: broken });
    if (data.joined) return;
    if (data.event && data.event.data.at !== live.at) take(data.event);
    onState(data.error);
  };
  channel.postMessage({ joined: true });
  const read = () => new Promise((release) => {
    reads = true;
    const close = api.events(EVENTS, (event) => {
      take(event);
      channel.postMessage({ event, error: null });
    }, (error) => {
      broken = error;
      onState(error);
      channel.postMessage({ event: null, error });
    });
    ended.signal.addEventListener("abort", () => {
      close();
      release(null);
    });
  });
  navigator.locks.request(SHARED, { signal: ended.signal }, read).catch((error) => {
    if (!ended.signal.aborted) onState(error);
  });
  return () => {
    ended.abort();
    channel.close();
  };
}

/** The latest of all rows, as the stream's first event has them. @returns {import("./api.js").ServerEvent} */
function whole() {
  const rows = Object.entries(sections).map(([section, known]) => [section,
    Object.fromEntries([...known].map(([name, samples]) => [name, samples.at(-1)?.row]))]);
  return { event: "whole", data: { ...Object.fromEntries(rows), at: live.at } };
}

/** The upper bounds of buckets, in seconds. @param {number[]} seconds */
export const setBounds = (seconds) => { bounds = seconds; };

/** @param {import("./api.js").ServerEvent} event */
function take({ event, data }) {
  const { at, ...changed } = data;
  if (event === "whole") {
    sections = {};
    live.begun += 1;
  }
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
  for (const known of Object.values(sections)) {
    for (const samples of known.values()) while (samples.length > 1 && samples[1].at <= at - WINDOW) samples.shift();
  }
  for (const listener of listeners) listener(changed);
}

/** What follows from the samples of one row, or of several together. @param {Sample[][]} rows @returns {Derived} */
function derived(rows) {
  let [rate, calls, failed] = [0, 0, 0];
  const recent = bounds.map(() => 0).concat(0);
  const ever = [...recent];
  for (const samples of rows) {
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
