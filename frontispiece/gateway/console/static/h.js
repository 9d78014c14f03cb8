// Elements without HTML in strings, and how figures are written.

/**
 * An element. Of `props`, functions named `on…` are listeners, `style` is an object of CSS properties, `true` is an
 * attribute without a value, and what is null, undefined or false is left out.
 *
 * @typedef {Node | string | number | null | undefined | false | Child[]} Child
 * @param {string} tag
 * @param {Record<string, any> | null} [props]
 * @param {...Child} children
 * @returns {HTMLElement}
 */
export function h(tag, props, ...children) {
  return fill(document.createElement(tag), props, children);
}

/**
 * An element of SVG; see `h`.
 * @param {string} tag
 * @param {Record<string, any> | null} [props]
 * @param {...Child} children
 * @returns {SVGElement}
 */
export function svg(tag, props, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), props, children);
}

/** A curve of an SVG path from one point to another, level at both. @param {number} x @param {number} y @param {number} endX @param {number} endY */
export const curve = (x, y, endX, endY) => `C${(x + endX) / 2} ${y} ${(x + endX) / 2} ${endY} ${endX} ${endY}`;

/** @template {HTMLElement | SVGElement} E @param {E} element @param {any} props @param {Child[]} children @returns {E} */
function fill(element, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [key, text] of Object.entries(value)) element.style.setProperty(key, text);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  append(element, children);
  return element;
}

/** @param {Element} element @param {Child[]} children */
function append(element, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (Array.isArray(child)) append(element, child);
    else element.append(child instanceof Node ? child : String(child));
  }
}

/** What is shown where there is nothing yet. @param {string} title @param {...Child} children */
export const empty = (title, ...children) => h("div", { class: "empty" }, h("h2", null, title), h("p", null, children));

/** A failure, said to whoever uses a screen reader as well. @param {unknown} error */
export const failure = (error) =>
  h("p", { class: "failure", role: "alert" }, error instanceof Error ? error.message : String(error));

/**
 * A table that can be scrolled with the keyboard where it is wider than the page.
 * @param {string} caption for screen readers
 * @param {Child[]} heads a column whose head is [head, "number"] is of figures
 * @param {Child[]} rows each a `tr`
 */
export function table(caption, heads, rows) {
  const head = (each) => {
    const [text, kind] = Array.isArray(each) ? each : [each, null];
    return h("th", { scope: "col", class: kind }, text);
  };
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    h("table", null,
      h("caption", { class: "hidden" }, caption),
      h("thead", null, h("tr", null, heads.map(head))),
      h("tbody", null, rows)));
}

/**
 * Put other tables into an element; the focus of one, and how far it is scrolled, stay.
 * @param {HTMLElement} element @param {...Node} children
 */
export function renew(element, ...children) {
  const before = [...element.querySelectorAll(".scroll")];
  const focused = before.findIndex((each) => each === document.activeElement);
  const scrolled = before.map((each) => each.scrollLeft);
  element.replaceChildren(...children);
  element.querySelectorAll(".scroll").forEach((each, i) => {
    each.scrollLeft = scrolled[i] ?? 0;
    if (i === focused) /** @type {HTMLElement} */ (each).focus({ preventScroll: true });
  });
}

/** A cell of figures. @param {...Child} children */
export const number = (...children) => h("td", { class: "number" }, children);

const WHOLE = new Intl.NumberFormat("en");

/** @param {number} value */
export const count = (value) => WHOLE.format(Math.round(value));

/** A rate: three figures at most. @param {number | null | undefined} value per second */
export function rate(value) {
  if (value === null || value === undefined) return "–";
  if (value < 0.005) return "0/s";
  return value >= 100 ? `${count(value)}/s` : `${value >= 10 ? value.toFixed(1) : value.toFixed(2)}/s`;
}

/** @param {number | null | undefined} value seconds */
export function seconds(value) {
  if (value === null || value === undefined) return "–";
  if (value >= 10) return `${value.toFixed(0)} s`;
  if (value >= 1) return `${value.toFixed(2)} s`;
  return value >= 0.1 ? `${(value * 1000).toFixed(0)} ms` : `${(value * 1000).toFixed(1)} ms`;
}

/** @param {number | null | undefined} value a share of one */
export function percent(value) {
  if (value === null || value === undefined) return "–";
  return value === 0 ? "0 %" : value < 0.001 ? "< 0.1 %" : `${(value * 100).toFixed(1)} %`;
}

/** The time of day; with the date where that is not today. @param {number} ms since 1970 */
export function clock(ms) {
  const at = new Date(ms);
  const time = at.toLocaleTimeString("en-GB");
  return at.toDateString() === new Date().toDateString() ? time : `${at.toLocaleDateString("en-GB", { day: "numeric", month: "short" })} ${time}`;
}

/** A part of an address as text; one that is not well encoded is shown as it is. @param {string} part */
export function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch (error) {
    if (error instanceof URIError) return part;
    throw error;
  }
}
