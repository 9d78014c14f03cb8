/** The version of this client, which each of its calls names. */
export const VERSION = "1.1.0";
