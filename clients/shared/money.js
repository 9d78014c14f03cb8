/**
 * An amount in minor units as text. Needs no DOM.
 *
 * @param {{ amount: number, currency: string }} money
 * @param {string} [language] the browser's by default
 */
export function formatMoney({ amount, currency }, language) {
  const format = new Intl.NumberFormat(language, { style: "currency", currency });
  const digits = format.resolvedOptions().maximumFractionDigits ?? 2;
  return format.format(amount / 10 ** digits);
}
