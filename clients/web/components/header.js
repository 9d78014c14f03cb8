/** The head of every screen: search, who is logged in, and how much is in the basket. */

import { fill, find, h } from "../../shared/dom.js";
import { ApiError } from "../../shared/http.js";
import { plural } from "../format.js";
import { loginUrl } from "../session.js";
import { icon } from "./icons.js";

/**
 * @param {import("../app.js").App} app
 */
export function startHeader({ basket, news, session, router, notices }) {
  const form = find("#search", HTMLFormElement);
  const input = find("#search-input", HTMLInputElement);
  const account = find("#account", HTMLElement);
  const newsLink = find("#news-link", HTMLAnchorElement);
  const basketLink = find("#basket-link", HTMLAnchorElement);

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = input.value.trim();
    router.navigate(text ? `/search?q=${encodeURIComponent(text)}` : "/search");
  });

  function showBasket() {
    const { pieces } = basket;
    const count = h("span", { class: "basket-count", "aria-hidden": "true" }, pieces > 99 ? "99+" : pieces);
    const state = h("span", { class: "visually-hidden" }, pieces > 0 ? ` ${plural(pieces, "piece")}` : " empty");
    fill(basketLink, icon("bag"), h("span", { class: "nav-text" }, "Basket"), pieces > 0 && count, state);
  }

  function showNews() {
    const { unread } = news;
    newsLink.hidden = unread === 0;
    const count = h("span", { class: "basket-count", "aria-hidden": "true" }, unread > 99 ? "99+" : unread);
    const state = h("span", { class: "visually-hidden" }, ` ${unread} unread`);
    fill(newsLink, icon("bell"), h("span", { class: "nav-text" }, "News"), count, state);
  }

  function showAccount() {
    const { user } = session;
    fill(account, user ? accountMenu(user.name) : loginLink());
  }

  function loginLink() {
    const link = h("a", { href: loginUrl(), class: "nav-link", "aria-label": "Log in" }, icon("person"));
    link.append(h("span", { class: "nav-text" }, "Log in"));
    link.addEventListener("click", () => (link.href = loginUrl())); // the place of now, not of when it was drawn
    return link;
  }

  /** @param {string} name */
  function accountMenu(name) {
    const logOut = async () => {
      try {
        await session.logOut();
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        notices.show("You could not be logged out. Please try again.", { isError: true });
      }
    };
    const menu = h(
      "details",
      { class: "menu" },
      h(
        "summary",
        { class: "nav-link", "aria-label": `Account of ${name}` },
        icon("person"),
        h("span", { class: "nav-text" }, name),
      ),
      h(
        "ul",
        { class: "menu-items" },
        h("li", null, h("a", { href: "/orders" }, "Your orders")),
        h("li", null, h("button", { type: "button", class: "link-button", on: { click: logOut } }, "Log out")),
      ),
    );
    const close = () => (menu.open = false);
    menu.addEventListener("click", (event) => event.target instanceof HTMLAnchorElement && close());
    menu.addEventListener("focusout", ({ relatedTarget }) => {
      if (relatedTarget instanceof Node && !menu.contains(relatedTarget)) {
        close();
      }
    });
    menu.addEventListener("keydown", ({ key }) => {
      if (key === "Escape" && menu.open) {
        close();
        menu.querySelector("summary")?.focus();
      }
    });
    return menu;
  }

  basket.addEventListener("change", showBasket);
  news.addEventListener("change", showNews);
  session.addEventListener("change", showAccount);
  showBasket();
  showNews();
  showAccount();
}
