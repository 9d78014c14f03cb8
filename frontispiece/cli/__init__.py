"""The `front` command: runs and inspects a project that frontispiece.toml describes.

Stability: internal.
"""
