// The console's frame: its tabs, who may see them, and light or dark.
import * as actions from "./actions.js";
import { ApiError, makeApi, setToken, token } from "./api.js";
import * as compare from "./compare.js";
import { count, decoded, empty, failure, h, rate, seconds } from "./h.js";
import { follow, live } from "./live.js";
import * as logs from "./logs.js";
import { readOverview } from "./overview.js";
import * as pages from "./pages.js";
import { panelTab } from "./panels.js";
import * as routes from "./routes.js";
import * as topology from "./topology.js";
import * as traces from "./traces.js";
import * as trial from "./try.js";
import * as upstreams from "./upstreams.js";

/**
 * A tab. `mount` shows it and returns what ends it.
 * @typedef {{ id: string, title: string, mount: (element: HTMLElement, api: import("./api.js").Api) => (() => void) }} Tab
 * @type {Tab[]}
 */
const TABS = [topology, routes, pages, upstreams, traces, logs, trial, compare, actions];
/** Those that are registered at the gateway. @type {Tab[]} */
let panels = [];

const THEMES = ["auto", "light", "dark"];
const THEME_KEY = "frontispiece-theme";

const nav = h("nav", { "aria-label": "Tabs" });
const main = h("main", { id: "main", tabindex: "-1" });
/** What changes each second, and beside it what a screen reader says: whether it does. */
const figures = h("p", { class: "status" });
const state = h("p", { class: "status", role: "status" });
const RETRY_MS = 3000;

/** @type {() => void} */
let unmount = () => {};
let current = "";

const api = makeApi(askToken);

function takeToken() {
  const found = /^#token=(.+)$/.exec(location.hash);
  if (!found) return;
  setToken(decoded(found[1]));
  history.replaceState(null, "", `#/${TABS[0].id}`);
}

function askToken() {
  close();
  const refused = token() !== "";
  setToken("");
  unfollow();
  nav.replaceChildren();
  figures.replaceChildren();
  state.replaceChildren();
  const input = /** @type {HTMLInputElement} */ (
    h("input", { type: "password", id: "token", autocomplete: "off", required: true, "aria-describedby": "token-help" }));
  const send = (event) => {
    event.preventDefault();
    setToken(input.value.trim());
    start();
  };
  main.replaceChildren(h("form", { class: "token", onsubmit: send },
    h("h1", null, "The admin port's token"),
    refused && failure("This is not the token."),
    h("label", { for: "token" }, "Token"),
    input,
    h("p", { id: "token-help" }, "GATEWAY_ADMIN_TOKEN, or what ", h("code", null, "front up"),
      " prints. It stays in this browser tab."),
    h("button", { class: "primary" }, "Open")));
  input.focus();
}

function close() {
  unmount();
  unmount = () => {};
  current = "";
}

function show() {
  const id = location.hash.split(/[/?]/)[1] || TABS[0].id;
  const tabs = [...TABS, ...panels];
  const tab = tabs.find((each) => each.id === id);
  tabs.forEach((each, i) => {
    if (each === tab) nav.children[i].setAttribute("aria-current", "page");
    else nav.children[i].removeAttribute("aria-current");
  });
  if (!tab) {
    close();
    main.replaceChildren(empty("There is no such tab", "Choose one above."));
    return;
  }
  if (tab.id === current) return; // the tab itself follows what is behind its name
  close();
  current = tab.id;
  document.title = `${tab.title} · Console`;
  main.replaceChildren();
  unmount = tab.mount(main, api);
}

let unfollow = () => {};
/** The timer of the next try to start. */
let again = 0;

/** Show the tabs, once the token is good; and what the gateway does as a whole, beside them. */
async function start() {
  clearTimeout(again);
  try {
    panels = (await readOverview(api)).panels.map(panelTab);
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return; // the form is shown
    close();
    nav.replaceChildren();
    main.replaceChildren(failure(error), h("p", null, `It is called again each ${RETRY_MS / 1000} s.`));
    again = setTimeout(start, RETRY_MS);
    return;
  }
  unfollow();
  /** @type {Error | null} */
  let broken = null;
  const say = () => {
    const row = live.row("process", "gateway");
    figures.replaceChildren(...broken ? [] : [
      h("span", null, `${rate(live.all("routes").rate)} on ${count(row.routes ?? 0)} routes`),
      h("span", null, `loop lag ${seconds(row.lag)}`)]);
    const now = broken ? `Not live: ${broken.message}` : "live";
    if (state.textContent !== now) state.replaceChildren(h("span", { class: broken ? "bad" : "good" }, now));
  };
  const ends = [
    follow(api, (error) => { broken = error; say(); }),
    live.watch(say),
  ];
  unfollow = () => ends.forEach((end) => end());
  nav.replaceChildren(...[...TABS, ...panels].map((each) => h("a", { href: `#/${each.id}` }, each.title)));
  close();
  main.replaceChildren();
  show();
}

function themeButton() {
  const button = h("button", { type: "button", class: "plain" });
  const apply = (theme) => {
    document.documentElement.dataset.theme = theme;
    localStorage.setItem(THEME_KEY, theme);
    button.textContent = `Theme: ${theme}`;
  };
  button.addEventListener("click", () => {
    apply(THEMES[(THEMES.indexOf(document.documentElement.dataset.theme ?? "auto") + 1) % THEMES.length]);
  });
  apply(localStorage.getItem(THEME_KEY) ?? "auto");
  return button;
}

document.body.append(
  h("a", { class: "skip", href: "#main", onclick: (event) => { event.preventDefault(); main.focus(); } }, "Skip to the content"),
  h("header", null, h("strong", { class: "brand" }, "Frontispiece"), nav, figures, state, themeButton()),
  main);
takeToken();
window.addEventListener("hashchange", () => {
  const had = token();
  takeToken();
  if (token() !== had) start();
  else if (nav.childElementCount) show();
});
start();
