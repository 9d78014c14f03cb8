/** Read models of answers, field by field. Needs no DOM. */

/**
 * @template {string} Name
 * @typedef {Name extends `${infer Head}_${infer Tail}` ? `${Head}${Capitalize<Camel<Tail>>}` : Name} Camel
 */

/**
 * Reads fields of an answer, `list_price` as `listPrice`; those that it leaves out are null.
 *
 * @example const money = fields("amount", "currency");
 * @template {string} Name
 * @param {...Name} names
 * @returns {(data: any) => { [Key in Name as Camel<Key>]: any }}
 */
export function fields(...names) {
  const camel = (/** @type {string} */ name) => name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());
  const renamed = names.map((name) => [name, camel(name)]);
  return (data) => /** @type {any} */ (Object.fromEntries(renamed.map(([name, key]) => [key, data[name ?? ""] ?? null])));
}
