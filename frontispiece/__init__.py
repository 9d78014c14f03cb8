"""Frontispiece: a Backends-for-Frontends gateway platform."""
