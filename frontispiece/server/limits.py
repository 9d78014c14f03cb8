"""The limits of client connections."""

import resource
from dataclasses import dataclass
from typing import Final

MAX_CONNECTIONS: Final = 10_000


def _max_connections() -> int:
    """Half of the process's file descriptors: a connection may need another one to a service."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MAX_CONNECTIONS if files == resource.RLIM_INFINITY else min(files // 2, MAX_CONNECTIONS)


@dataclass(frozen=True, kw_only=True, slots=True)
class ConnectionLimits:
    """The limits of a server's client connections.

    Args:
        header_timeout: seconds for a whole header section, from its first byte or the connection's start.
        body_timeout: seconds over which the speed of a request's body is measured.
        min_body_rate: bytes a second that a body needs on average over `body_timeout`.
        send_timeout: seconds for which a client may read nothing of a response that waits for it.
        keep_alive_timeout: seconds for which a connection stays open between two requests: longer than usual
            clients and load balancers keep idle ones (nginx has the same default).
        max_header_bytes: bytes of a header section.
        max_connections: connections at a time; further ones are answered 503.
        max_connections_per_address: the same, of one client address.
    """

    header_timeout: float = 10.0
    body_timeout: float = 20.0
    min_body_rate: float = 240.0
    send_timeout: float = 60.0
    keep_alive_timeout: float = 75.0
    max_header_bytes: int = 64 * 1024
    max_connections: int = _max_connections()
    max_connections_per_address: int = _max_connections() // 2


DEFAULT_LIMITS: Final = ConnectionLimits()
