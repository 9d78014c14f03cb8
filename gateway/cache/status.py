"""What the cache tells clients of itself: `Cache-Status` (RFC 9211)."""

from typing import Final

from gateway.cache.entry import Entry

NAME: Final = b"cache-status"
WHO: Final = b"gateway"


def hit(entry: Entry, now: float, *, detail: bytes = b"") -> tuple[bytes, bytes]:
    """It came from the cache."""
    told = b"%b; hit; ttl=%d" % (WHO, int(entry.left(now)))
    return NAME, told + (b"; detail=" + detail if detail else b"")


def forwarded(
    why: bytes, status: int | None = None, *, stored: bool = False, joined: bool = False, detail: bytes = b""
) -> tuple[bytes, bytes]:
    """A service was asked.

    Args:
        why: in a word of the RFC.
        status: what it answered.
        stored: whether its answer is kept.
        joined: whether it was asked for another call already.
        detail: more, in a word of ours.
    """
    told = WHO + b"; fwd=" + why
    if status is not None:
        told += b"; fwd-status=%d" % status
    if stored:
        told += b"; stored"
    if joined:
        told += b"; collapsed"
    return NAME, told + (b"; detail=" + detail if detail else b"")
