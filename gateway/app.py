"""The shop's gateway: the platform's, with the routes beside this file, as frontispiece.toml has it."""

from frontispiece.gateway import create_app

__all__ = ["create_app"]
