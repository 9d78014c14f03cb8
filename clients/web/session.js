/**
 * Who is logged in, as the gateway's token handler says. No token ever comes here.
 *
 * @typedef {{ name: string }} User
 */

import { HttpClient } from "../shared/http.js";

const OWN = "shop."; // how the keys of all that this client stores begin
const REMEMBERED = `${OWN}user`;

/** Dispatches `change` when somebody logs in or out, or the session has ended by itself. */
export class Session extends EventTarget {
  #http = new HttpClient({ base: "/web/session", fetch: globalThis.fetch, headers: () => ({ "x-csrf": "1" }) });

  constructor() {
    super();
    const name = localStorage.getItem(REMEMBERED);
    /** The user as known so far: at the start the one of the last visit. @type {User | null} */
    this.user = name === null ? null : { name };
    /** Whether the user's session has ended without a logout. */
    this.hasEnded = false;
    addEventListener("storage", ({ key, newValue }) => {
      if (key === REMEMBERED && newValue === null) {
        removeOwn(sessionStorage); // another tab has logged out
      }
    });
  }

  /** Asks the gateway who is logged in. */
  async refresh() {
    const { data } = await this.#http.json("GET", "/user");
    this.#set(data && { name: data.name ?? data.preferred_username ?? data.sub });
  }

  /** A call was answered 401: nobody is logged in any more. */
  end() {
    this.#set(null);
  }

  /** Ends the session here and at the issuer, if that can be. */
  async logOut() {
    const { data } = await this.#http.json("POST", "/logout");
    removeOwn(localStorage);
    removeOwn(sessionStorage);
    location.assign(data.logout_url ?? "/"); // not every issuer has a page for it
  }

  /** @param {User | null} user */
  #set(user) {
    if (user) {
      localStorage.setItem(REMEMBERED, user.name);
      this.hasEnded = false;
    } else {
      this.hasEnded ||= localStorage.getItem(REMEMBERED) !== null;
    }
    this.user = user;
    this.dispatchEvent(new Event("change"));
  }

  /** Nobody wants to log in again: the next visit is a guest's. */
  forget() {
    localStorage.removeItem(REMEMBERED);
    this.hasEnded = false;
    this.dispatchEvent(new Event("change"));
  }
}

/**
 * Removes what this client has stored. The gateway does not clear the origin's storage at a logout: it is the phone app's, too.
 *
 * @param {Storage} storage
 */
function removeOwn(storage) {
  Object.keys(storage).filter((key) => key.startsWith(OWN)).forEach((key) => storage.removeItem(key));
}

/**
 * Where a login starts that comes back to this place.
 *
 * @param {string} [returnTo] a path of this site, with its query
 */
export function loginUrl(returnTo = location.pathname + location.search) {
  return `/web/session/login?return_to=${encodeURIComponent(returnTo)}`;
}
