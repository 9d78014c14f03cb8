"""What a server puts up with from its clients."""

import resource
from dataclasses import dataclass
from typing import Final

MOST_CONNECTIONS: Final = 10_000


def _connections() -> int:
    """Half of the files that the process may open: a connection may need another one to a service."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_CONNECTIONS if files == resource.RLIM_INFINITY else min(files // 2, MOST_CONNECTIONS)


@dataclass(frozen=True, kw_only=True, slots=True)
class Guard:
    """What a server puts up with.

    Args:
        head: seconds until a request's head is whole, from its first byte or the connection's beginning.
        body: seconds over which a body's speed is measured.
        rate: bytes a second at which it has to come, on average over those seconds.
        stalled: seconds for which a client may take nothing of an answer that waits for it.
        head_bytes: about the longest head that is read: one more read may pass.
        connections: so many at a time; further ones are told to come again.
    """

    head: float = 10.0
    body: float = 20.0
    rate: float = 240.0
    stalled: float = 60.0
    head_bytes: int = 64 * 1024
    connections: int = _connections()


USUAL: Final = Guard()
