"""What customers read of orders: from the read model of their shard, or from its log where that is newer."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import takewhile
from typing import Final

from frontispiece.service import ServerSentEvent
from frontispiece.shards import bucket_for
from services.ordering.event_store import Recorded
from services.ordering.order_ids import bucket_in
from services.ordering.progress import progress
from services.ordering.read_store import Summary
from services.ordering.shard import Shard
from services.ordering.shards import Shards
from services.ordering.store import Written
from services.ordering.tables import event_store
from services.ordering.views import OrderView, view_of

POSITIONS: Final = 2**40
"""More positions than any log has."""


def token_of(written: Written) -> int:
    """The `min-position` after a change: made of the position and the epoch of its bucket."""
    return written.epoch * POSITIONS + written.position


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """An order, if there is one, and whether the read model had seen all that it was to have seen."""

    order: OrderView | None
    is_current: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundOrders:
    """A part of a list, and whether the read model had seen all that it was to have seen."""

    orders: list[Summary]
    is_current: bool


class Queries:
    """The questions of an order's owner, each to the one shard that has all orders of this customer.

    Args:
        shards: that have the orders.
        max_wait: seconds that a question waits for the read model to see a position.
    """

    def __init__(self, shards: Shards, max_wait: float) -> None:
        self._shards = shards
        self._max_wait = max_wait

    async def orders(
        self, owner: str, limit: int, after: tuple[datetime, str] | None, *, min_position: int
    ) -> FoundOrders:
        """An owner's orders, newest first, after the order with this sort key."""
        shard, is_current = await self._seen(bucket_for(owner), min_position)
        return FoundOrders(
            orders=await shard.read_store.orders(limit, after, owner=owner), is_current=is_current
        )

    async def order(self, id_: str, owner: str, *, min_position: int) -> Found:
        """An owner's order.

        An order that the read model does not have is asked for again once it has seen what is in the log by
        now, and read from the log where that takes too long: so whoever has just placed an order finds it.
        """
        if not _may_own(owner, id_):
            return Found(order=None, is_current=True)
        shard, is_current = await self._seen(bucket_for(owner), min_position)
        found = await shard.read_store.order(id_)
        if found is None and is_current:
            is_current = await self._sees(shard, await _end(shard))
            found = await shard.read_store.order(id_)
        if found is None and not is_current:
            return Found(order=await self.order_at(id_, owner), is_current=True)
        return Found(order=_of(owner, found), is_current=is_current)

    async def order_at(self, id_: str, owner: str, at: datetime | None = None) -> OrderView | None:
        """An owner's order as it was at a time, or as it is in the log now; None when there was none yet.

        Copies of ordering have clocks of their own: an event may be older than the one before it. So it is
        the events before the first later one that count.
        """
        if not _may_own(owner, id_):
            return None
        history = await self._history(id_, owner)
        events = history if at is None else takewhile(lambda event: event.recorded_at <= at, history)
        return _of(owner, view_of(events))

    async def _history(self, id_: str, owner: str) -> list[Recorded]:
        shard = await self._shards.of(owner)
        async with shard.database.read() as tx:
            return await event_store.history(tx, id_)

    async def progress(
        self, id_: str, owner: str, after_version: int
    ) -> AsyncGenerator[ServerSentEvent, None]:
        """The stages that an order comes to after a version of its stream."""
        shard = await self._shards.of(owner)
        return progress(shard.follower, id_, bucket_for(owner), after_version, partial(self._sees, shard))

    async def _seen(self, bucket: int, token: int) -> tuple[Shard, bool]:
        """The shard of a bucket, and whether its read model has seen what `min-position` stands for.

        A bucket that has moved since has brought along what it was, so its shard must have seen all there is.
        """
        shard, since = await self._shards.locate_view(bucket)
        if not token:
            return shard, True
        epoch, position = divmod(token, POSITIONS)
        if epoch != since:
            position = await _end(shard)
        return shard, await self._sees(shard, position)

    async def _sees(self, shard: Shard, position: int) -> bool:
        return await shard.projector.wait_for(position, self._max_wait)


async def _end(shard: Shard) -> int:
    async with shard.database.read() as tx:
        return await event_store.last_position(tx)


def _may_own(owner: str, id_: str) -> bool:
    """Whether an order of this owner may have this id."""
    return bucket_in(id_) in {None, bucket_for(owner)}


def _of(owner: str, view: OrderView | None) -> OrderView | None:
    return view if view is not None and view.owner == owner else None
