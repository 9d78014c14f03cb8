/**
 * The app: one page whose screens are opened by path.
 *
 * @typedef {import("../shared/router.js").Visit} Visit
 * @typedef {import("../shared/router.js").Screen} Screen
 * @typedef {Event & { prompt: () => Promise<unknown> }} InstallOffer
 * @typedef {{
 *   app: App,
 *   notices: Notices,
 *   router: Router,
 *   installOffer: InstallOffer | null,
 *   problem: (error: unknown, retry: () => void) => HTMLElement,
 *   loginPrompt: (title: string, text: string) => HTMLElement,
 *   logOut: () => Promise<void>,
 * }} Shared what every screen gets
 * @typedef {(shared: Shared, visit: Visit) => Screen} Open
 */

import { ApiError } from "../shared/http.js";
import { find, h } from "../shared/dom.js";
import { Router } from "../shared/router.js";
import { MobileApi } from "./api.js";
import { App } from "./app.js";
import { Auth } from "./auth.js";
import { Notices, showNetwork } from "./components/notices.js";
import { loginPrompt, problemOf } from "./components/problem.js";
import { showTabs } from "./components/tabs.js";
import { keepCurrent } from "./current.js";
import { Dpop } from "./dpop.js";
import { registerRelease } from "./release.js";
import { loadScreens, SCREENS } from "./screens.js";
import { missing } from "./screens/missing.js";
import { Store } from "./store.js";
import { Support } from "./support.js";

/** English, with the conventions of the customer's region. */
function regionalEnglish() {
  const region = new Intl.Locale(navigator.language).region;
  return region ? `en-${region}` : "en";
}

async function start() {
  const language = regionalEnglish();
  const notices = new Notices(find("#toasts", HTMLElement), find("#notices", HTMLElement));
  const support = new Support(notices);
  const store = await Store.open();
  const auth = new Auth({ origin: location.origin, memory: localStorage, attempts: sessionStorage, dpop: new Dpop(store) });
  const api = new MobileApi({
    language,
    dpr: devicePixelRatio,
    authorize: (method, url, user = app.user) => auth.authorization(method, url, user),
    renew: () => auth.renew(),
    fetch: async (input, init) => {
      try {
        const response = await fetch(input, init);
        app.setReachable(true);
        return response;
      } catch (error) {
        if (!init?.signal?.aborted) {
          app.setReachable(false);
        }
        throw error;
      }
    },
    onResponse: (response) => support.see(response),
  });
  const app = new App({ api, auth, store, language });
  await app.open();

  const main = find("main", HTMLElement);
  const forgetTime = showNetwork(app, find("#network", HTMLElement));
  const sessions = new BroadcastChannel("sessions"); // log-outs of other tabs
  /** @type {Shared} */
  const shared = {
    app,
    notices,
    installOffer: null,
    router: new Router(main, opened(), { notFound: (visit) => missing(shared, visit), onError: (error, retry) => shared.problem(error, retry) }),
    problem: (error, retry) => problemOf(shared, error, retry),
    loginPrompt: (title, text) => loginPrompt(shared, title, text),
    logOut: async () => {
      const isEnded = await app.logOut();
      sessions.postMessage("logged-out");
      shared.router.navigate("/m/");
      if (!isEnded) {
        notices.toast("You are logged out on this phone, and at the shop once there is a network.");
      }
    },
  };
  sessions.addEventListener("message", () => {
    auth.drop();
    shared.router.reload();
  });

  /** @returns {Record<string, (visit: Visit) => Screen>} */
  function opened() {
    const open = (/** @type {Open} */ screen) => (/** @type {Visit} */ visit) => {
      forgetTime();
      notices.clearToasts();
      showTabs(app, location.pathname);
      return screen(shared, visit);
    };
    return Object.fromEntries(Object.entries(SCREENS).map(([path, screen]) => [path, open(screen)]));
  }

  addEventListener("beforeinstallprompt", (event) => {
    event.preventDefault();
    shared.installOffer = /** @type {InstallOffer} */ (event);
  });
  app.addEventListener("basket", () => showTabs(app, location.pathname));
  app.addEventListener("news", () => showTabs(app, location.pathname));
  app.addEventListener("session", () => notices.clear("login"));
  app.addEventListener("refused", (event) => {
    main.replaceChildren(shared.problem(event instanceof CustomEvent ? event.detail : event, () => shared.router.reload()));
  });
  app.addEventListener("replayed", (event) => event instanceof CustomEvent && sayReplayed(shared, event.detail));
  shared.router.start();
  await untilShown(main);
  await loadScreens().catch(() => undefined); // without a network each is loaded when it is opened
  const offer = (/** @type {() => void} */ takeOver) => {
    notices.line("release", "A new version is there.", { label: "Reload", run: takeOver });
  };
  await Promise.all([keepCurrent(shared, support), registerRelease(offer)]);
}

/**
 * Waits until the first screen is there: what is not seen comes after it.
 *
 * @param {HTMLElement} main
 * @returns {Promise<void>}
 */
function untilShown(main) {
  return new Promise((resolve) => {
    const look = () => {
      if (main.querySelector(".screen") && !main.querySelector("[aria-busy]")) {
        observer.disconnect();
        resolve();
      }
    };
    const observer = new MutationObserver(look);
    observer.observe(main, { subtree: true, childList: true, attributes: true, attributeFilter: ["aria-busy"] });
    look();
  });
}

/**
 * Says what became of an order whose screen was left, or that an earlier run of the app had left.
 *
 * @param {Shared} shared
 * @param {import("./outbox.js").Replay} replay
 */
function sayReplayed({ app, notices }, { user, orders, error }) {
  const isElsewhere = !["/m/checkout", "/m/orders"].includes(location.pathname);
  for (const { id } of isElsewhere ? orders : []) {
    notices.toast("Your order is placed.", { label: "Look", href: `/m/orders/${id}` });
  }
  if (error instanceof ApiError && error.status === 401 && user === app.user) {
    notices.line("login", "Log in to send what waits on this phone.", { label: "Log in", run: () => void logIn(app) });
  } else {
    notices.clear("login");
  }
  if (isElsewhere && app.entries.some((entry) => entry.kind === "order" && entry.refusal)) {
    notices.toast("Your order was not placed.", { label: "Look", href: "/m/orders" });
  }
}

/** @param {App} app */
async function logIn(app) {
  location.assign(await app.auth.loginUrl(location.pathname + location.search));
}

/** What nobody has foreseen is said, and stays an error in the console. */
function sayUnforeseen() {
  const say = (/** @type {unknown} */ error) =>
    error instanceof ApiError || find("#toasts", HTMLElement).replaceChildren(h("div", { class: "toast" }, "Something went wrong here."));
  addEventListener("unhandledrejection", ({ reason }) => say(reason));
  addEventListener("error", ({ error }) => say(error));
}

sayUnforeseen();
await start();
