/**
 * Releases of this app: the service worker that holds one, and whether the shop serves another.
 *
 * The shell is one release, and the worker that holds it is registered under its hash: so a new release is a new worker,
 * which takes over when the customer agrees.
 */

import { CHECK_INTERVAL, LOADED, servedRelease } from "../shared/release.js";

const MANIFEST = "/m/asset-manifest.json";

/**
 * Registers the worker of this release, and calls back when another one waits to take over.
 *
 * @param {(takeOver: () => void) => void} onWaiting
 */
export async function registerRelease(onWaiting) {
  if (!("serviceWorker" in navigator) || LOADED === null) {
    return;
  }
  let isControlled = navigator.serviceWorker.controller !== null;
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    if (isControlled) {
      location.reload();
    }
    isControlled = true; // the first worker of all holds the release that is loaded
  });
  let isOffered = false;
  /** @param {ServiceWorkerRegistration} registration */
  const offer = ({ waiting }) => {
    if (waiting && navigator.serviceWorker.controller && !isOffered) {
      isOffered = true;
      onWaiting(() => waiting.postMessage("take-over"));
    }
  };
  const look = async () => {
    const release = await servedRelease(MANIFEST);
    const registration = await navigator.serviceWorker.register(`/m/sw.js?release=${release}`, { updateViaCache: "none" });
    offer(registration);
    registration.addEventListener("updatefound", () => {
      const worker = registration.installing;
      worker?.addEventListener("statechange", () => offer(registration));
    });
  };
  await look();
  setInterval(() => void look(), CHECK_INTERVAL);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) {
      void look();
    }
  });
}

/** Takes the newest release at once, or at least loads the app anew past what is stored. */
export async function updateNow() {
  const registration = await navigator.serviceWorker?.getRegistration("/m/");
  const release = await servedRelease(MANIFEST);
  if (registration && release !== LOADED) {
    const { waiting, installing } = await navigator.serviceWorker.register(`/m/sw.js?release=${release}`);
    const worker = waiting ?? installing;
    if (worker) {
      worker.postMessage("take-over"); // one that is still installing does so when it has
      return;
    }
  }
  location.reload();
}
