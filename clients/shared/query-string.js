/** @typedef {string | number | boolean | null | undefined} Value */

/**
 * The parameters of a URL, with its question mark; those without a value are left out.
 *
 * @param {Record<string, Value | Value[]>} query
 */
export function queryString(query) {
  const parameters = new URLSearchParams();
  for (const [name, values] of Object.entries(query)) {
    for (const value of [values].flat()) {
      if (value !== undefined && value !== null && value !== "" && value !== false) {
        parameters.append(name, String(value));
      }
    }
  }
  return parameters.size ? `?${parameters}` : "";
}
