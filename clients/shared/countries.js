/** The countries to which the shop delivers, by their English names: those of the shipping service's tariff. Needs no DOM. */

const CODES = [
  "AT", "AU", "BE", "BG", "CA", "CH", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GB", "GR", "HR", "HU", "IE", "IS",
  "IT", "JP", "KR", "LI", "LT", "LU", "LV", "MT", "NL", "NO", "NZ", "PL", "PT", "RO", "SE", "SG", "SI", "SK", "US",
];

const names = new Intl.DisplayNames("en", { type: "region" });

/** @type {{ code: string, name: string }[]} */
export const COUNTRIES = CODES.map((code) => ({ code, name: names.of(code) ?? code })).sort((one, other) =>
  one.name.localeCompare(other.name, "en"),
);
