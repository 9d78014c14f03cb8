"""The console of the admin port: what one would rather look at than read."""

from frontispiece.gateway.console.app import Console, ConsoleSettings

__all__ = ["Console", "ConsoleSettings"]
