/** Which release of a client this page has loaded, and which one the gateway serves. */

/** The hash in this module's own URL, `/assets/<hash>/shared/release.js`; null where the files are served as they are. */
export const LOADED = /\/assets\/([^/]+)\//.exec(import.meta.url)?.[1] ?? null;

export const CHECK_INTERVAL = 5 * 60_000;

/** The release that is served now; the loaded one when that cannot be known. @param {string} manifest its path */
export async function servedRelease(manifest) {
  try {
    const response = await fetch(manifest, { cache: "no-cache" });
    return response.ok ? (await response.json()).version : LOADED;
  } catch {
    return LOADED; // offline: the next look tells
  }
}
