/** The version of this client, which each call carries (`X-Client: web/1.1.0`). */
export const VERSION = "1.1.0";
