"""The `front` command: starts the shop, checks its settings, fills its catalogue."""
