"""What a route may ask of the shared cache."""

from collections.abc import Container, Iterator
from typing import Annotated

from pydantic import Field

from gateway.duration import LongDuration
from gateway.policies import Part

Tag = Annotated[str, Field(pattern=r"^[!-+\--~]{1,128}$")]
"""What answers are purged by together: one word, without commas."""


class Cache(Part):
    """Answers are kept for everybody, as RFC 9111 has it."""

    ttl: LongDuration | None = Field(
        None, description="For how long an answer is fresh that says nothing of it; without it, for no time."
    )
    stale: LongDuration | None = Field(
        None, description="Afterwards it is used for so long while a newer one is fetched, unless it says."
    )
    stale_if_error: LongDuration | None = Field(
        None, description="Afterwards it is used for so long when there is no newer one, unless it says."
    )
    public: Annotated[bool, Field(strict=True)] = Field(
        False, description="Answers are for everybody, whoever asked. Never for what depends on the caller."
    )
    tags: tuple[Tag, ...] = Field((), description="By which all answers of the route can be purged.")
    largest: Annotated[int, Field(strict=True)] = Field(
        1024 * 1024, ge=1, le=1024**3, description="Bytes of the longest answer that is kept."
    )


def cache_faults(cache: Cache | None, methods: Container[str], *, coalesce: bool) -> Iterator[str]:
    """What is wrong between a route's cache and its other keys."""
    if cache and "GET" not in methods:
        yield "cache keeps answers to GET, which the route does not answer"
    if coalesce and not cache:
        yield "coalesce gives one answer to several callers: cache = {} says which answers may be"
