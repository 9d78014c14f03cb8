"""Logging a user in with name and password, as browsers and native apps do.

Stability: internal.
"""
