/** Whether the gateway serves a newer release of this client than the one that this page has loaded. */

const CHECK_INTERVAL = 5 * 60_000;

/** The hash in this module's own URL, `/assets/<hash>/web/release.js`; null where the files are served as they are. */
const LOADED = /\/assets\/([^/]+)\//.exec(import.meta.url)?.[1] ?? null;

/**
 * Calls back once when there is a newer release: looked for every few minutes, and when somebody comes back to the page.
 *
 * @param {() => void} onNewer
 */
export function watchRelease(onNewer) {
  if (LOADED === null) {
    return;
  }
  const stop = new AbortController();
  const look = async () => {
    if (!document.hidden && (await servedRelease()) !== LOADED && !stop.signal.aborted) {
      stop.abort();
      clearInterval(timer);
      onNewer();
    }
  };
  const timer = setInterval(look, CHECK_INTERVAL);
  document.addEventListener("visibilitychange", look, { signal: stop.signal });
  addEventListener("focus", look, { signal: stop.signal });
}

/** The release that is served now; the loaded one when that cannot be known. */
async function servedRelease() {
  try {
    const response = await fetch("/asset-manifest.json", { cache: "no-cache" });
    return response.ok ? (await response.json()).version : LOADED;
  } catch {
    return LOADED; // offline: the next look tells
  }
}
