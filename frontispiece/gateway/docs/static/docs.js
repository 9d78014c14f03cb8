// Shows /openapi.json: operations by their tag; what an operation takes and responds once it is opened.

/** @typedef {Record<string, any>} Json */

const MAX_DEPTH = 6;

/**
 * An element; nothing is ever read as HTML.
 * @param {string} tag @param {Record<string, any> | null} props @param {...any} children @returns {HTMLElement}
 */
function h(tag, props, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) element.setAttribute(name, value);
  element.append(...children.flat().filter((child) => child !== null && child !== ""));
  return element;
}

/** What a reference leads to. @param {Json} root @param {any} node @returns {Json} */
function resolved(root, node) {
  for (let steps = 0; node?.$ref?.startsWith("#/") && steps < 20; steps++) {
    const names = node.$ref.slice(2).split("/").map((name) => name.replaceAll("~1", "/").replaceAll("~0", "~"));
    node = names.reduce((found, name) => found?.[name], root);
  }
  return node ?? {};
}

/** A schema in a few words. @param {Json} root @param {any} schema @returns {string} */
function words(root, schema) {
  const found = resolved(root, schema);
  const either = found.anyOf ?? found.oneOf;
  if (found.const !== undefined) return JSON.stringify(found.const);
  if (found.enum) return found.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (either) return either.map((each) => words(root, each)).join(" or ");
  if (found.type === "array") return `list of ${words(root, found.items ?? {})}`;
  const type = [found.type ?? found.title ?? "anything"].flat().join(" or ");
  return found.format ? `${type} (${found.format})` : type;
}

/** The fields of a schema, as far down as one reads. @param {Json} root @param {any} schema @param {number} depth */
function fields(root, schema, depth = 0) {
  let found = resolved(root, schema);
  while (found.type === "array" && found.items) found = resolved(root, found.items);
  const parts = [found, ...(found.allOf ?? []), ...(found.anyOf ?? []), ...(found.oneOf ?? [])];
  const properties = parts.flatMap((part) => {
    let each = resolved(root, part);
    while (each.type === "array" && each.items) each = resolved(root, each.items);
    return Object.entries(each.properties ?? {}).map(([name, of]) => ({ name, of, required: each.required?.includes(name) }));
  });
  if (!properties.length || depth > MAX_DEPTH) return "";
  return h("ul", { class: "schema" }, properties.map(({ name, of, required }) =>
    h("li", null, h("code", null, name), required ? "" : "?", ` ${words(root, of)} `,
      resolved(root, of).description ?? "", fields(root, of, depth + 1))));
}

/** What a body may be. @param {Json} root @param {Json | undefined} content */
function bodies(root, content) {
  return Object.entries(content ?? {}).map(([type, { schema }]) =>
    h("div", null, h("code", null, type), ` ${words(root, schema ?? {})}`, fields(root, schema ?? {})));
}

/** @param {Json} root @param {Json[]} parameters */
function parameterTable(root, parameters) {
  if (!parameters.length) return "";
  const rows = parameters.map((each) => resolved(root, each)).map((each) =>
    h("tr", null, h("td", null, h("code", null, each.name), each.required ? "" : "?"), h("td", null, each.in),
      h("td", null, words(root, each.schema ?? {})), h("td", null, each.description ?? "")));
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Parameters" },
    h("table", null,
      h("thead", null, h("tr", null, ["Parameter", "in", "type", "meaning"].map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", null, rows)));
}

/** @param {Json} root @param {Json} operation */
function details(root, operation) {
  const body = resolved(root, operation.requestBody);
  return [
    h("p", null, operation.description ?? ""),
    parameterTable(root, operation.parameters ?? []),
    body.content ? h("h3", null, "Body") : "", ...bodies(root, body.content),
    h("h3", null, "Responses"),
    h("ul", null, Object.entries(operation.responses ?? {}).map(([status, reference]) => {
      const response = resolved(root, reference);
      return h("li", null, h("strong", null, status), ` ${reference.description ?? response.description ?? ""}`,
        ...(status < "4" ? bodies(root, response.content) : []));
    })),
  ];
}

/** Who may call an operation, in words. @param {Json} operation */
function callers(operation) {
  const names = (operation.security ?? []).map((/** @type {Json} */ each) =>
    Object.entries(each).map(([name, scopes]) => [name, ...scopes].join(" ")).join(" and ") || "guests");
  return names.length ? h("span", { class: "auth" }, names.join(", ")) : "";
}

/** @param {Json} root @param {string} path @param {string} method @param {Json} operation */
function shown(root, path, method, operation) {
  const element = h("details", { class: "operation", "data-words": `${method} ${path} ${operation.summary ?? ""}`.toLowerCase() },
    h("summary", null, h("span", { class: "method" }, method.toUpperCase()), h("code", null, path), callers(operation),
      ` ${operation.summary ?? ""}`));
  element.addEventListener("toggle", () => element.append(...details(root, operation).filter((each) => each !== "")), { once: true });
  return element;
}

/** @param {Json} root */
function show(root) {
  document.title = root.info.title;
  document.querySelector("#title")?.replaceChildren(root.info.title);
  /** @type {Map<string, HTMLElement[]>} */
  const groups = new Map();
  for (const [path, item] of Object.entries(root.paths)) {
    for (const [method, operation] of Object.entries(item)) {
      const tag = operation.tags?.[0] ?? "";
      groups.set(tag, [...(groups.get(tag) ?? []), shown(root, path, method, operation)]);
    }
  }
  const sections = [...groups].map(([tag, operations]) => h("section", null, h("h2", null, tag), operations));
  document.querySelector("#operations")?.replaceChildren(...sections);
}

/** @param {string} text */
function filter(text) {
  for (const section of document.querySelectorAll("section")) {
    const operations = [...section.querySelectorAll("details")];
    for (const each of operations) each.hidden = !each.dataset.words?.includes(text.toLowerCase());
    section.hidden = operations.every((each) => each.hidden);
  }
}

const input = /** @type {HTMLInputElement} */ (document.querySelector("#filter"));
input.addEventListener("input", () => filter(input.value));
try {
  const response = await fetch("/openapi.json");
  if (!response.ok) throw new Error(`/openapi.json answers ${response.status}`);
  show(await response.json());
  filter(input.value);
} catch (error) {
  document.querySelector("#operations")?.replaceChildren(h("p", { role: "alert" }, String(error)));
}
