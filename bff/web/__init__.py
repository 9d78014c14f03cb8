"""The web client's backend: rich pages."""

PATIENCE = 0.5
"""Seconds that a page waits for what it can do without."""
