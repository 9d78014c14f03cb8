"""The HTTP/1.1 server on asyncio: protocol, connection limits, sockets, workers, signals, child processes.

Stability: internal.
"""

from typing import Final

__all__ = ["GATEWAY"]

GATEWAY: Final = "gateway"
"""The name of the gateway among a project's apps: its server drains, reloads and has an admin port."""
