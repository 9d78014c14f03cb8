"""What is read of orders: from the read model, and from the log where time matters."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import takewhile

from frontispiece.service import ServerSentEvent
from frontispiece.stores import Database
from services.ordering.event_store import EventStore, Recorded
from services.ordering.progress import LogFollower, progress
from services.ordering.projector import Projector
from services.ordering.read_store import ReadStore, Summary
from services.ordering.views import OrderView, view_of


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
    """The questions of an order's owner.

    Args:
        database: of the log.
        events: the log.
        store: the read model.
        projector: that of this process.
        follower: that of this process.
        max_wait: seconds that a question waits for the read model to see a position.
    """

    def __init__(
        self,
        *,
        database: Database,
        events: EventStore,
        store: ReadStore,
        projector: Projector,
        follower: LogFollower,
        max_wait: float,
    ) -> None:
        self._database = database
        self._events = events
        self._store = store
        self._projector = projector
        self._follower = follower
        self._max_wait = max_wait

    async def orders(
        self, owner: str, limit: int, after: tuple[datetime, str] | None, *, min_position: int
    ) -> FoundOrders:
        """An owner's orders, newest first, after the order with this sort key."""
        is_current = await self._projector.wait_for(min_position, self._max_wait)
        return FoundOrders(orders=await self._store.orders(owner, limit, after), is_current=is_current)

    async def order(self, id_: str, owner: str, *, min_position: int) -> Found:
        """An owner's order.

        An order that the read model does not have is asked for again once it has seen what is in the log by
        now, and read from the log where that takes too long: so whoever has just placed an order finds it.
        """
        is_current = await self._projector.wait_for(min_position, self._max_wait)
        found = await self._store.order(id_)
        if found is None and is_current:
            async with self._database.read() as tx:
                end = await self._events.last_position(tx)
            is_current = await self._projector.wait_for(end, self._max_wait)
            found = await self._store.order(id_)
        if found is None and not is_current:
            return Found(order=await self.order_at(id_, owner), is_current=True)
        return Found(order=_of(owner, found), is_current=is_current)

    async def order_at(self, id_: str, owner: str, at: datetime | None = None) -> OrderView | None:
        """An owner's order as it was at a time, or as it is in the log now; None when there was none yet.

        Copies of ordering have clocks of their own: an event may be older than the one before it. So it is
        the events before the first later one that count.
        """
        history = await self.history(id_)
        events = history if at is None else takewhile(lambda event: event.recorded_at <= at, history)
        return _of(owner, view_of(events))

    async def history(self, id_: str) -> list[Recorded]:
        """The events of an order, oldest first; none when there is no such order."""
        async with self._database.read() as tx:
            return await self._events.history(tx, id_)

    def progress(self, id_: str, after_version: int) -> AsyncGenerator[ServerSentEvent, None]:
        """The stages that an order comes to after a version of its stream."""
        projected = partial(self._projector.wait_for, timeout=self._max_wait)
        return progress(self._follower, id_, after_version, projected)


def _of(owner: str, view: OrderView | None) -> OrderView | None:
    return view if view is not None and view.owner == owner else None
