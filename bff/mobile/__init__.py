"""The mobile client's backend: lean screens."""

OPTIONAL_TIMEOUT = 0.4
"""Timeout of optional sources, in seconds."""
