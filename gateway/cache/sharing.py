"""An answer that several calls get, made by one of them."""

from dataclasses import dataclass

from gateway.upstream import Reply


@dataclass(kw_only=True, slots=True)
class Shared(Reply):
    """One caller's copy.

    Args:
        first: whether it is the one for whom the service was asked.
        kept: whether it goes into the cache when all of it has come: no other need keep it.
    """

    first: bool
    kept: bool


def length_of(reply: Reply) -> int | None:
    """How long the body is, as the answer tells."""
    told = reply.header(b"content-length")
    return int(told) if told and told.isdigit() and len(told) < 20 else None  # noqa: PLR2004 (none is longer)
