"""Reading all shards of ordering: one that is away is missing from what is shown, and named."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Final, TypeVar

from msgspec import Meta

from bff.operator.clients import OrdersOfAll
from frontispiece.pages import gather, mark_degraded
from frontispiece.upstream import TimedOut, UpstreamClientError, UpstreamError

SHARD_TIMEOUT: Final = 1.0
"""Seconds that a shard has, whatever the others take."""

Day = Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$(?!\n)", description="In UTC.")]
Answer = TypeVar("Answer")


async def shards(orders: OrdersOfAll) -> list[str]:
    """The names of all shards."""
    return await orders.shards()


async def each_shard(shards: list[str], read: Callable[[str], Awaitable[Answer]]) -> dict[str, Answer]:
    """What the shards respond; those that are away are left out, and the page is degraded.

    Raises:
        UpstreamError: a shard refused, or all are away.
    """
    failures: list[UpstreamError] = []

    async def one(shard: str) -> tuple[str, Answer] | None:
        try:
            async with asyncio.timeout(SHARD_TIMEOUT):
                return shard, await read(shard)
        except UpstreamClientError:
            raise
        except UpstreamError as failure:
            failures.append(failure)
        except TimeoutError:
            failures.append(TimedOut(f"shard {shard} did not answer in {SHARD_TIMEOUT:g} s"))
        mark_degraded(failures[-1].reason)
        return None

    found = dict(part for part in await gather(one(shard) for shard in shards) if part is not None)
    if failures and not found:
        raise failures[0]
    return found


def missing(shards: list[str], found: dict[str, Answer]) -> list[str]:
    """The shards that are not among those found."""
    return [shard for shard in shards if shard not in found]
