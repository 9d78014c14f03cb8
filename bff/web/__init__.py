"""The web client's backend: rich pages."""

OPTIONAL_TIMEOUT = 0.5
"""Timeout of optional sources, in seconds."""
