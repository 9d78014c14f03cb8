"""Orders over all shards: each is in the one that has its customer's bucket."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any, Final, Self, TypeVar

from frontispiece.events import Event, EventSettings, Reject
from frontispiece.http import Problem
from frontispiece.service import Intent
from frontispiece.shards import Router, ShardMap, ShardSet, bucket_for, open_router
from services.ordering.model import intent_id
from services.ordering.order import Command
from services.ordering.order_ids import bucket_in
from services.ordering.settings import ShardDatabases
from services.ordering.shard import Shard
from services.ordering.store import Orders, Written
from services.ordering.tables import fence

LOG_TIMEOUT: Final = 0.3
"""Seconds that a read of the read model waits for the log to say that its bucket is here."""

T = TypeVar("T")


class Shards:
    """All shards, and the way to each; opened with `async with`.

    Args:
        databases: of the shards, by name.
        events: where the map is that says which shard has which bucket.
        reply_timeout: see `Orders`.
    """

    def __init__(
        self, databases: Mapping[str, ShardDatabases], events: EventSettings, *, reply_timeout: float = 5.0
    ) -> None:
        self.by_name = {
            name: Shard(name, of_shard, reply_timeout=reply_timeout) for name, of_shard in databases.items()
        }
        self._set = ShardSet("ordering", self.by_name, prepare=self._settle)
        self._events = events
        self._router: Router
        self._has_router = asyncio.Event()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        logs = {name: shard.database for name, shard in self.by_name.items()}
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._set)
            self._router = await open_router(logs, fence, ShardMap.even(logs))
            self._has_router.set()
            self._router.listeners += [shard.follower.wake for shard in self.by_name.values()]
            await stack.enter_async_context(self._router.following(self._events, "ordering"))
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._stack.aclose()

    async def _settle(self, shard: str) -> None:
        """Take in a shard that was away at the start."""
        await self._has_router.wait()
        await self._router.settle(shard)

    async def ping(self) -> str | None:
        """What is away, as long as one shard is not: the customers of another one wait, all others need not.

        Raises:
            Problem: 503, when none is reachable.
        """
        return await self._set.ping()

    async def locate(self, bucket: int) -> tuple[Shard, int]:
        """The shard that has a bucket, and since which epoch, as the shards themselves say.

        Raises:
            Problem: 503 `bucket-moving`, or the log is away.
        """
        return await self._router.run(bucket, lambda name, epoch: self._look(bucket, name, epoch))

    async def locate_view(self, bucket: int) -> tuple[Shard, int]:
        """The same for those who read the read model, which serves while the log is away.

        Raises:
            Problem: 503 `bucket-moving`.
        """

        async def look(name: str, epoch: int) -> tuple[Shard, int]:
            try:
                async with asyncio.timeout(LOG_TIMEOUT):
                    return await self._look(bucket, name, epoch)
            except (Problem, TimeoutError):  # without the log nothing has moved from here
                return self.by_name[name], epoch

        return await self._router.run(bucket, look)

    async def _look(self, bucket: int, name: str, epoch: int) -> tuple[Shard, int]:
        async with self.by_name[name].database.read() as tx:
            return self.by_name[name], await fence.check_read(tx, bucket, epoch)

    async def of(self, owner: str) -> Shard:
        """The shard that has a customer's orders."""
        return (await self.locate(bucket_for(owner)))[0]

    async def find(self, order_id: str, owner: str) -> Written | None:
        """An owner's order as it is now; None when there is none."""
        if bucket_in(order_id) not in {None, bucket_for(owner)}:
            return None
        found = await (await self.of(owner)).orders.find(order_id)
        return found if found is not None and found.order.owner == owner else None

    async def reserve_id(self, intent: Intent) -> tuple[str, bool]:
        """The id of the order of an intent, and whether it was given before."""
        bucket, id_ = bucket_for(intent.owner), intent_id(intent.owner, intent.key)
        return await self._at(bucket, lambda orders, epoch: orders.reserve_id(id_, bucket, epoch=epoch))

    async def execute(self, order_id: str, owner: str, command: Command) -> Written:
        """Carry out a command on an owner's order; see `Orders.execute`."""
        return await self._at(
            bucket_for(owner), lambda orders, epoch: orders.execute(order_id, command, epoch=epoch)
        )

    async def handle(self, event: Event[Any]) -> None:
        """Handle a reply to a command; see `Orders.handle`."""
        bucket = bucket_in(event.data.order_id)
        if bucket is None:
            bucket = await self._bucket_of(event.data.order_id)
        await self._at(bucket, lambda orders, epoch: orders.handle(event, epoch=epoch))

    async def _bucket_of(self, order_id: str) -> int:
        """The bucket of an order whose id does not say it: any shard that has, or had, the order knows it."""
        for shard in self.by_name.values():
            if (found := await shard.orders.find(order_id)) is not None:
                return bucket_for(found.order.owner)
        raise Reject(f"There is no order {order_id}.")

    async def _at(self, bucket: int, change: Callable[[Orders, int], Awaitable[T]]) -> T:
        """Make a change at the shard of a bucket.

        Raises:
            Problem: 503 `bucket-moving`.
        """
        return await self._router.run(bucket, lambda name, epoch: change(self.by_name[name].orders, epoch))
