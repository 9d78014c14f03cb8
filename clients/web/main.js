/** The web client begins here: it makes what the screens share, and opens the screen of the address. */

import { ApiError } from "../shared/http.js";
import { find } from "../shared/dom.js";
import { WebApi } from "./api.js";
import { BasketStore } from "./basket.js";
import { NewsStore } from "./news.js";
import { startHeader } from "./components/header.js";
import { openLoginDialog } from "./components/login-dialog.js";
import { Notices } from "./components/notices.js";
import { problemOf } from "./components/problem.js";
import { basketPage } from "./pages/basket.js";
import { checkoutPage } from "./pages/checkout.js";
import { homePage } from "./pages/home.js";
import { notFoundPage } from "./pages/not-found.js";
import { orderPage } from "./pages/order.js";
import { ordersPage } from "./pages/orders.js";
import { productPage } from "./pages/product.js";
import { searchPage } from "./pages/search.js";
import { watchRelease } from "./release.js";
import { Router } from "../shared/router.js";
import { loginUrl, Session } from "./session.js";

const session = new Session();

/** Nobody is logged in any more, as a call was told. */
function endSession() {
  if (session.user) {
    session.end();
    openLoginDialog(() => session.forget());
  }
}

/** A fetch that sees when the session has ended. @type {typeof fetch} */
async function watchedFetch(...call) {
  const response = await fetch(...call);
  if (response.status === 401) {
    endSession();
  }
  return response;
}

const api = new WebApi({ fetch: watchedFetch, onUnauthorized: endSession });
const basket = new BasketStore(api);
const news = new NewsStore(api);
const notices = new Notices({
  announcer: find("#announcer", HTMLElement),
  toasts: find("#toasts", HTMLElement),
  banner: find("#banner", HTMLElement),
});

/** @type {import("./app.js").App} */
const app = {
  api,
  basket,
  news,
  notices,
  session,
  get router() {
    return router;
  },
};

/** @type {Router} */
const router = new Router(
  find("#main", HTMLElement),
  {
    "/": homePage(app),
    "/search": searchPage(app),
    "/products/{sku}": productPage(app),
    "/basket": basketPage(app),
    "/checkout": checkoutPage(app),
    "/orders": ordersPage(app),
    "/orders/{id}": orderPage(app),
  },
  { notFound: notFoundPage, onError: problemOf },
);

session.addEventListener("change", () => {
  if (!session.user) news.forget();
  if (session.hasEnded && !document.querySelector("dialog[open]")) {
    const actions = [
      { text: "Log in again", href: loginUrl() },
      { text: "Go on as a guest", press: () => session.forget() },
    ];
    notices.banner("Your session has ended.", actions);
  } else {
    notices.banner(null);
  }
});

async function refreshSession() {
  try {
    await session.refresh();
  } catch (error) {
    if (!(error instanceof ApiError)) {
      throw error;
    }
    // who is logged in stays as it was known: the next call tells
  }
}

/** Somebody comes back to the page: another user may have logged in since, in another tab. */
async function comeBack() {
  const before = session.user?.name;
  await refreshSession();
  if (session.user && session.user.name !== before) {
    basket.forget();
    news.forget();
    router.reload();
  }
}

startHeader(app);
router.start();
refreshSession();
document.addEventListener("visibilitychange", () => !document.hidden && comeBack());
watchRelease(() => {
  const action = { text: "Load it", press: () => location.reload() };
  notices.banner("There is a newer version of the shop.", [action]);
});
