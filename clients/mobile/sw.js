/**
 * The service worker of one release: its shell is there without a network, all of it or none; pictures stay as they were
 * seen, so many at most. What the BFF says is stored by the pages themselves, which know whose it is.
 */

/** @type {ServiceWorkerGlobalScope} */
const worker = /** @type {any} */ (self);

const RELEASE = new URL(worker.location.href).searchParams.get("release") ?? "none";
const SHELL = `shell-${RELEASE}`;
const PICTURES = "pictures";
const MAX_PICTURES = 300;
const INDEX = "/m/";
const NO_PICTURE = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100" width="400" height="400">
  <path d="M50 40c-7-6-17-8-28-7v34c11-1 21 1 28 7 7-6 17-8 28-7V33c-11-1-21 1-28 7zm0 0v34"
    fill="none" stroke="#8a8a84" stroke-width="2" stroke-linejoin="round" opacity=".6"/>
</svg>`;

worker.addEventListener("install", (event) => event.waitUntil(install()));
worker.addEventListener("activate", (event) => event.waitUntil(activate()));
worker.addEventListener("message", (event) => {
  if (event.data === "take-over") {
    void worker.skipWaiting();
  }
});
worker.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== worker.location.origin) {
    return;
  }
  if (request.mode === "navigate" && url.pathname.startsWith(INDEX)) {
    event.respondWith(fromShell(INDEX, request));
  } else if (url.pathname.startsWith("/m/assets/")) {
    event.respondWith(fromShell(url.pathname, request));
  } else if (url.pathname.startsWith("/pictures/")) {
    event.respondWith(picture(event));
  }
});

/** Fetches the whole release, verified; it fails when the shop serves another one by now. */
async function install() {
  const manifest = await (await fetched("/m/asset-manifest.json")).json();
  if (manifest.version !== RELEASE) {
    throw new Error(`The shop serves release ${manifest.version}, not ${RELEASE}.`);
  }
  const cache = await caches.open(SHELL);
  const files = /** @type {{ url: string, integrity: string }[]} */ (Object.values(manifest.files));
  const index = await fetched(INDEX);
  if (!(await index.clone().text()).includes(`/assets/${RELEASE}/`)) {
    throw new Error(`The page is not of release ${RELEASE}.`);
  }
  await cache.put(INDEX, index);
  await Promise.all(
    files.map(async ({ url, integrity }) => cache.put(url, await fetched(url, { integrity, cache: "force-cache" }))),
  );
}

/** Removes the shells of other releases, and serves the pages that are open. */
async function activate() {
  for (const name of await caches.keys()) {
    if (name.startsWith("shell-") && name !== SHELL) {
      await caches.delete(name);
    }
  }
  await worker.clients.claim();
}

/**
 * @param {string} path
 * @param {Request} request
 */
async function fromShell(path, request) {
  const cache = await caches.open(SHELL);
  return (await cache.match(path)) ?? fetch(request);
}

/** @param {FetchEvent} event */
async function picture({ request }) {
  const cache = await caches.open(PICTURES);
  const stored = await cache.match(request);
  if (stored) {
    return stored;
  }
  let response;
  try {
    response = await fetch(request);
  } catch {
    return new Response(NO_PICTURE, { headers: { "content-type": "image/svg+xml" } }); // there is no network
  }
  if (response.ok) {
    await cache.put(request, response.clone());
    await bound(cache);
  }
  return response;
}

/** Removes the oldest pictures beyond so many. @param {Cache} cache */
async function bound(cache) {
  const keys = await cache.keys();
  for (const key of keys.slice(0, Math.max(0, keys.length - MAX_PICTURES))) {
    await cache.delete(key);
  }
}

/**
 * @param {string} url
 * @param {RequestInit} [init]
 */
async function fetched(url, init = { cache: "no-cache" }) {
  const response = await fetch(url, init);
  if (!response.ok) {
    throw new Error(`${url}: ${response.status}`);
  }
  return response;
}
