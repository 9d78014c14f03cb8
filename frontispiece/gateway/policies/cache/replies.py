"""Replies of the cache as the layers around it see them; stored bodies have encoded forms."""

from collections.abc import Callable

from frontispiece.upstream import Reply


class EncodedBodies:
    """The encoded forms of one stored body, in the memory of the cache.

    Args:
        allocate: whether so many bytes more may be stored here; they are counted then.
    """

    __slots__ = ("_allocate", "_bodies", "size")

    def __init__(self, allocate: "Callable[[EncodedBodies, int], bool]") -> None:
        self._allocate = allocate
        self._bodies: dict[str, bytes] = {}
        self.size = 0
        """Bytes of all forms."""

    def get(self, coding: str) -> bytes | None:
        """The body in this coding; empty when that would be no shorter, None when it is not known."""
        return self._bodies.get(coding)

    def put(self, coding: str, body: bytes) -> None:
        """Store the body in this coding, unless there is no room for it."""
        if coding not in self._bodies and self._allocate(self, len(body)):
            self._bodies[coding] = body
            self.size += len(body)


class StoredReply(Reply, kw_only=True, eq=False):
    """A whole response that is stored.

    Args:
        stored_body: its body as it is stored.
        encoded: the encoded forms of that.
    """

    stored_body: bytes
    encoded: EncodedBodies

    @property
    def encoded_bodies(self) -> EncodedBodies | None:
        """The encoded forms of its body; None when a layer has given it another body since."""
        return self.encoded if self.body is self.stored_body else None


class CollapsedReply(Reply, kw_only=True, eq=False):
    """One caller's copy of a shared response.

    Args:
        first: whether it is for the call that reached the service.
        stored: whether the response is stored when all of it has come, so that no other layer need do it.
    """

    first: bool
    stored: bool
