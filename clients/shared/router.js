/**
 * Screens by path: History API, focus and title after each navigation, scroll positions, view transitions.
 *
 * @typedef {object} Visit what a screen gets of the navigation that opens it
 * @property {Record<string, string>} params of the path
 * @property {URLSearchParams} query
 * @property {AbortSignal} signal aborted when the screen is left
 * @property {unknown} restored what the screen's `snapshot` gave when it was left by going back or forward; null otherwise
 * @property {unknown} given what `navigate` was given for it
 * @property {(title: string) => void} setTitle names the screen, whose heading gets the focus
 *
 * @typedef {object} Screen
 * @property {HTMLElement} element shown at once
 * @property {Promise<void>} [ready] settled when everything is shown
 * @property {() => unknown} [snapshot]
 *
 * @typedef {(visit: Visit) => Screen} Open
 * @typedef {{ pattern: RegExp, names: string[], open: Open }} Route
 */

const SNAPSHOTS = 20;

export class Router {
  #main;
  #routes;
  #onError;
  #leave = new AbortController();
  /** @type {Screen | null} */
  #screen = null;
  #key = newKey();
  #path = "";
  /** Scroll positions and snapshots, by the key of the history entry. @type {Map<string, { y: number, snapshot: unknown }>} */
  #left = new Map();

  /**
   * @param {HTMLElement} main where screens are shown
   * @param {Record<string, Open>} screens by path, such as `/products/{sku}`
   * @param {{ notFound: Open, onError: (error: unknown, retry: () => void) => HTMLElement }} others
   */
  constructor(main, screens, { notFound, onError }) {
    this.#main = main;
    this.#routes = Object.entries(screens).map(([path, open]) => routeOf(path, open));
    this.#routes.push({ pattern: /^/, names: [], open: notFound });
    this.#onError = onError;
  }

  start() {
    history.scrollRestoration = "manual";
    history.replaceState({ ...history.state, key: this.#key }, "");
    addEventListener("popstate", ({ state }) => this.#travel(state?.key ?? newKey()));
    document.addEventListener("click", (event) => this.#follow(event));
    this.#open(null, null, { isFirst: true });
  }

  /**
   * Opens a path of this site as a new entry of the history.
   *
   * @param {string} path
   * @param {unknown} [given] for the screen
   */
  navigate(path, given = null) {
    this.#remember();
    this.#key = newKey();
    history.pushState({ key: this.#key, isInner: true }, "", path);
    this.#open(null, given);
  }

  /** Changes the path of the screen that is shown. @param {string} path */
  replace(path) {
    history.replaceState({ ...history.state, key: this.#key }, "", path);
    this.#path = path;
  }

  /** Opens the present path anew, at the same scroll position. */
  reload() {
    this.#open(null, null, { y: scrollY });
  }

  /** @param {string} key */
  #travel(key) {
    if (this.#path === location.pathname + location.search) {
      return; // another place on the same screen
    }
    this.#remember();
    this.#key = key;
    const left = this.#left.get(key);
    this.#open(left?.snapshot ?? null, null, { y: left?.y ?? 0 });
  }

  #remember() {
    this.#left.delete(this.#key);
    this.#left.set(this.#key, { y: scrollY, snapshot: this.#screen?.snapshot?.() ?? null });
    const [oldest] = this.#left.keys();
    if (this.#left.size > SNAPSHOTS && oldest !== undefined) {
      this.#left.delete(oldest);
    }
  }

  /**
   * @param {unknown} restored
   * @param {unknown} given
   * @param {{ isFirst?: boolean, y?: number }} [place]
   */
  async #open(restored, given, { isFirst = false, y = 0 } = {}) {
    this.#leave.abort();
    const leave = new AbortController();
    this.#leave = leave;
    const { signal } = leave;
    this.#path = location.pathname + location.search;
    const { route, params } = this.#match(location.pathname);
    let isShown = false;
    let isFocused = isFirst;
    let isNamed = false;
    const focus = () => {
      const heading = this.#main.querySelector("h1");
      if (isShown && isNamed && !isFocused && heading) {
        isFocused = true;
        heading.tabIndex = -1;
        heading.focus({ preventScroll: true });
      }
    };
    /** @param {string} text */
    const setTitle = (text) => {
      if (!signal.aborted) {
        isNamed = true;
        document.title = text ? `${text} · Frontispiece` : "Frontispiece";
        focus();
      }
    };
    const query = new URLSearchParams(location.search);
    const screen = route.open({ params, query, signal, restored, given, setTitle });
    this.#screen = screen;
    await this.#show(screen.element, isFirst);
    isShown = true;
    focus();
    scrollTo(0, y);
    try {
      await screen.ready;
    } catch (error) {
      if (!signal.aborted) {
        isFocused = isFirst;
        this.#main.replaceChildren(this.#onError(error, () => this.reload()));
        setTitle(this.#main.querySelector("h1")?.textContent ?? "");
      }
      return;
    }
    if (!signal.aborted && y > 0) {
      scrollTo(0, y);
    }
  }

  /**
   * @param {HTMLElement} element
   * @param {boolean} isFirst
   */
  async #show(element, isFirst) {
    const swap = () => this.#main.replaceChildren(element);
    if (isFirst || !document.startViewTransition || matchMedia("(prefers-reduced-motion: reduce)").matches) {
      swap();
    } else {
      const transition = document.startViewTransition(swap);
      transition.ready.catch(() => undefined); // skipped, as when the keyboard of a phone goes down: the screen is there
      await transition.updateCallbackDone;
    }
  }

  /** @param {string} path */
  #match(path) {
    for (const route of this.#routes) {
      const match = route.pattern.exec(path);
      if (match) {
        const values = route.names.map((name, index) => [name, decodeURIComponent(match[index + 1] ?? "")]);
        return { route, params: /** @type {Record<string, string>} */ (Object.fromEntries(values)) };
      }
    }
    throw new Error(`No screen for ${path}.`);
  }

  /** A click on a link to one of our screens is a navigation; all others are the browser's. @param {MouseEvent} event */
  #follow(event) {
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    if (!link || !isPlain || event.defaultPrevented || link.target || link.origin !== location.origin) {
      return;
    }
    const isScreen = this.#routes.slice(0, -1).some((route) => route.pattern.test(link.pathname));
    const isFragment = link.hash && link.pathname === location.pathname && link.search === location.search;
    if (isScreen && !isFragment) {
      event.preventDefault();
      this.navigate(link.pathname + link.search);
    }
  }
}

/**
 * @param {string} path
 * @param {Open} open
 * @returns {Route}
 */
function routeOf(path, open) {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? "");
  return { pattern: new RegExp(`^${path.replace(/\{\w+\}/g, "([^/]+)")}$`), names, open };
}

function newKey() {
  return Math.random().toString(36).slice(2);
}
