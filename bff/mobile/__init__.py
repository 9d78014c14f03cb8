"""The mobile client's backend: lean screens."""

PATIENCE = 0.4
"""Seconds that a screen waits for what it can do without."""
