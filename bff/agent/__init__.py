"""The agents' backend: what assistants of customers may do, in short answers."""

OPTIONAL_TIMEOUT = 0.5
"""Timeout of optional sources, in seconds."""

SHOP = ("shop",)
"""The scopes of what belongs to a customer."""
