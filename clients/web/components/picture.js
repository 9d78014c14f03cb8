/** Pictures, in the width that their place on the page needs. */

import { h } from "../../shared/dom.js";

/**
 * A square picture, with its size known before it is there. Without `alt` it only repeats the text beside it.
 *
 * @param {import("../models.js").Picture | null} picture
 * @param {{ sizes: string, alt?: string, isFirst?: boolean }} place `isFirst`: seen before anything is scrolled
 */
export function pictureOf(picture, { sizes, alt = "", isFirst = false }) {
  const largest = picture?.variants.at(-1);
  if (!picture || !largest) {
    return h("div", { class: "picture no-picture" });
  }
  return h("img", {
    class: "picture",
    alt,
    sizes,
    srcset: picture.variants.map(({ url, width }) => `${url} ${width}w`).join(", "),
    src: largest.url,
    width: largest.width,
    height: largest.width,
    loading: isFirst ? "eager" : "lazy",
    fetchpriority: isFirst ? "high" : undefined,
    decoding: "async",
  });
}
