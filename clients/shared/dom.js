/**
 * Elements made by functions: no markup in strings, so that nothing that a service sends can become markup.
 *
 * @typedef {Node | string | number | null | undefined | false} Child
 * @typedef {Record<string, unknown> & {
 *   class?: string,
 *   on?: Record<string, (event: any) => void>,
 *   data?: Record<string, string>,
 * }} Props
 */

const SVG = "http://www.w3.org/2000/svg";

/**
 * An HTML element with attributes, listeners and children.
 *
 * A prop is an attribute (`true` gives it an empty value; `false`, null and undefined leave it out), except `on` (listeners),
 * `data` (the dataset) and `value`, `checked` and `indeterminate`, which are set as properties.
 *
 * @example h("button", { type: "button", class: "button", on: { click: close } }, "Close")
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Props | null} [props]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, props, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    setProp(element, name, value);
  }
  element.append(...nodes(children));
  return element;
}

/**
 * An SVG element with attributes and children.
 *
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | number | boolean>} attributes
 * @param {...SVGElement} children
 * @returns {SVGElementTagNameMap[Tag]}
 */
export function svg(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) {
    element.setAttribute(name, String(value));
  }
  element.append(...children);
  return element;
}

/**
 * Replaces an element's children.
 *
 * @param {Element} element
 * @param {...(Child | Child[])} children
 */
export function fill(element, ...children) {
  element.replaceChildren(...nodes(children));
}

/**
 * The element that a selector finds; an error when there is none.
 *
 * @template {HTMLElement} Kind
 * @param {string} selector
 * @param {new () => Kind} kind
 * @param {ParentNode} [root]
 * @returns {Kind}
 */
export function find(selector, kind, root = document) {
  const element = root.querySelector(selector);
  if (!(element instanceof kind)) {
    throw new Error(`No ${kind.name} matches ${selector}.`);
  }
  return element;
}

/**
 * @param {HTMLElement} element
 * @param {string} name
 * @param {unknown} value
 */
function setProp(element, name, value) {
  if (value === undefined || value === null || value === false) {
    return;
  }
  if (name === "on") {
    for (const [event, listener] of Object.entries(/** @type {Record<string, EventListener>} */ (value))) {
      element.addEventListener(event, listener);
    }
  } else if (name === "data") {
    Object.assign(element.dataset, value);
  } else if (name === "value" || name === "checked" || name === "indeterminate") {
    Object.assign(element, { [name]: value });
  } else {
    element.setAttribute(name, value === true ? "" : String(value));
  }
}

/**
 * @param {(Child | Child[])[]} children
 * @returns {(Node | string)[]}
 */
function nodes(children) {
  const shown = children.flat().filter((child) => child !== null && child !== undefined && child !== false);
  return shown.map((child) => (child instanceof Node ? child : String(child)));
}
