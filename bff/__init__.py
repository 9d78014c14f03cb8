"""One backend for each client; each answers a whole screen in one call."""
