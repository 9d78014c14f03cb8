/** Whether the gateway serves a newer release of this client than the one that this page has loaded. */

import { CHECK_INTERVAL, LOADED, servedRelease } from "../shared/release.js";

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
    if (!document.hidden && (await servedRelease("/asset-manifest.json")) !== LOADED && !stop.signal.aborted) {
      stop.abort();
      clearInterval(timer);
      onNewer();
    }
  };
  const timer = setInterval(look, CHECK_INTERVAL);
  document.addEventListener("visibilitychange", look, { signal: stop.signal });
  addEventListener("focus", look, { signal: stop.signal });
}
