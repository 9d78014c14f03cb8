/** The button that follows a brand; what it says is how things are. */

import { fill, h } from "../../shared/dom.js";
import { ApiError } from "../../shared/http.js";
import { refusalText } from "./problem.js";

/**
 * @param {import("../app.js").App} app
 * @param {import("../models.js").Named} brand
 * @param {boolean} isFollowed
 */
export function followButton({ api, notices }, brand, isFollowed) {
  const button = h("button", { type: "button", class: "follow" });
  const show = (/** @type {boolean} */ following) => {
    button.classList.toggle("is-followed", following);
    fill(button, following ? "Following" : "Follow", h("span", { class: "visually-hidden" }, ` ${brand.name}`));
  };
  button.addEventListener("click", async () => {
    try {
      const isToFollow = !button.classList.contains("is-followed");
      const { following } = await (isToFollow ? api.follow(brand.id) : api.unfollow(brand.id));
      show(following);
      notices.show(following ? `You will see what is new from ${brand.name}.` : `No more news from ${brand.name}.`);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      notices.show(`${brand.name}: ${refusalText(error)}`, { isError: true });
    }
  });
  show(isFollowed);
  return button;
}
