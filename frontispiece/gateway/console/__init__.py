"""The console of the admin port: a web page with figures, routes, pages, traces and logs."""

from frontispiece.gateway.console.app import Console, ConsoleSettings, file, is_file

__all__ = ["Console", "ConsoleSettings", "file", "is_file"]
