"""Commands that call a running gateway: login, import, reload."""
