/** Where the device is, for the search of stores; the browser asks its user first. */

/** @typedef {{ place: string } | { latitude: number, longitude: number }} Near a place by its name, or a position in degrees */

/**
 * The position, to about a hundred metres: nobody needs to know more.
 *
 * @returns {Promise<Near | null>} null when the user does not want that, or the device does not know
 */
export function devicePosition() {
  return new Promise((resolve) => {
    navigator.geolocation.getCurrentPosition(
      ({ coords: { latitude, longitude } }) =>
        resolve({ latitude: Math.round(latitude * 1000) / 1000, longitude: Math.round(longitude * 1000) / 1000 }),
      () => resolve(null),
      { timeout: 10_000, maximumAge: 300_000 },
    );
  });
}
