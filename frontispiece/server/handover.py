"""One process replaces another on the same socket: the new one is made before the old one stops.

The socket goes on listening in the parent of both, so connections wait for a moment and none is refused.
"""

import socket
from typing import Final, Self

TIMEOUT: Final = 60.0
"""Seconds in which an app has to be made."""


class Successor:
    """The parent's end: used as a context around the start of the new process.

    The start passes `descriptor` on; it is closed at the end of the block.
    """

    def __init__(self) -> None:
        self._own, self._of_child = socket.socketpair()
        self._own.settimeout(TIMEOUT)
        self.descriptor = self._of_child.fileno()
        """What the new process inherits."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self._of_child.close()
        if any(failure):
            self._own.close()

    def is_made(self) -> bool:
        """Wait until the new process has made its app; false when it could not."""
        try:
            return bool(self._own.recv(1))
        except OSError:
            return False

    def begin(self) -> None:
        """Have the new process open what its app needs, and serve."""
        self._own.close()


def await_turn(descriptor: int) -> None:
    """In the new process: report that the app is made, and wait until the old one has stopped."""
    with socket.socket(fileno=descriptor) as parent:
        parent.send(b"1")
        parent.recv(1)  # the end of the stream is the sign
