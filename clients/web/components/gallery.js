/** The pictures of a product: one large, all of them small to choose from. */

import { h } from "../../shared/dom.js";
import { pictureOf } from "./picture.js";

const LARGE = "(min-width: 60rem) 38rem, 100vw";

/** @param {import("../models.js").Picture[]} pictures */
export function galleryOf(pictures) {
  const [first = null] = pictures;
  const large = h(
    "div",
    { class: "gallery-large" },
    pictureOf(first, { sizes: LARGE, alt: first?.alt, isFirst: true }),
  );
  if (pictures.length < 2) {
    return h("div", { class: "gallery" }, large);
  }
  const buttons = pictures.map((picture, index) => {
    const choose = () => {
      large.replaceChildren(pictureOf(picture, { sizes: LARGE, alt: picture.alt, isFirst: true }));
      buttons.forEach((each, place) => each.setAttribute("aria-pressed", String(place === index)));
    };
    const props = {
      type: "button",
      class: "gallery-choice",
      "aria-label": `Show: ${picture.alt}`,
      "aria-pressed": String(index === 0),
      on: { click: choose },
    };
    return h("button", props, pictureOf(picture, { sizes: "6rem" }));
  });
  return h(
    "div",
    { class: "gallery" },
    large,
    h("div", { class: "gallery-choices", role: "group", "aria-label": "Pictures" }, ...buttons),
  );
}
