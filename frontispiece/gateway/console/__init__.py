"""The console of the admin port: what one would rather look at than read."""

from frontispiece.gateway.console.app import Console
from frontispiece.gateway.console.settings import ConsoleSettings

__all__ = ["Console", "ConsoleSettings"]
