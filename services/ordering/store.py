"""The write side of a shard: a change of an order is one transaction of events, messages and time-outs."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from frontispiece.events import Event, Reject
from frontispiece.shards import IdGenerator, bucket_for
from frontispiece.stores import SqlStore
from services.ordering.domain_events import Placed
from services.ordering.event_store import Conflict
from services.ordering.order import Command, Order, Place, decide
from services.ordering.order_ids import bucket_in
from services.ordering.saga import Reaction, TimedOut, Timeout, follow, react
from services.ordering.tables import event_store, fence, inbox, order_ids, outbox, timeouts
from services.ordering.timeouts import OrderTimeout
from services.ordering.upcasting import UnknownSchema

MAX_CONFLICTS: Final = 10
"""Times that a change is decided anew because others changed the order meanwhile."""

JITTER: Final = 0.25
"""By how much of itself a time-out is longer or shorter: what stopped together does not go on together."""

UNREADABLE_DELAY: Final = timedelta(minutes=1)
"""Until the time-out of an order is looked at again that only a newer version of ordering can read."""

T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """An order after a command.

    Args:
        version: of its stream.
        position: of its last event among all of its shard: a read model that has seen it knows this order.
        epoch: of the order's bucket in this shard.
    """

    order: Order
    version: int
    position: int
    epoch: int


class Orders(SqlStore):
    """The orders of one shard.

    Every change is of a bucket that the shard has: `epoch` is that of the map by which the caller came here,
    None for any.

    Args:
        url: of the database.
        reply_timeout: seconds until a command that has no reply is sent again; doubled by each attempt.
        now: the current time.
    """

    main_table = event_store.events
    migrations = "services.ordering.migrations"

    def __init__(self, url: str, *, reply_timeout: float = 5.0, **options: Any) -> None:
        super().__init__(url, **options)
        self._reply_timeout = reply_timeout
        self._ids = IdGenerator(self._now)

    async def find(self, order_id: str) -> Written | None:
        """An order as it is now; None when there is none."""
        async with self.database.read() as tx:
            order, version = await event_store.load(tx, order_id)
            if order is None:
                return None
            position = await event_store.position(tx, order_id)
            epoch = await fence.epoch(tx, bucket_for(order.owner))
        return Written(order=order, version=version, position=position, epoch=epoch)

    async def reserve_id(self, intent: str, bucket: int, *, epoch: int | None = None) -> tuple[str, bool]:
        """The id of the order of an intent, and whether it was given before.

        Raises:
            StaleMap: the bucket is not here.
        """
        async with self.database.read() as tx:
            if (found := await order_ids.find(tx, intent)) is not None:
                return found, True
        async with self.database.write() as tx:
            await fence.check(tx, bucket, epoch)
            return await order_ids.reserve(tx, intent, bucket, self._ids), False

    async def execute(self, order_id: str, command: Command, *, epoch: int | None = None) -> Written:
        """Carry out a command on an order.

        Raises:
            UnknownOrder, TooLate, KeyReused: see `decide`.
            Conflict: too many others change this order.
            StaleMap: its bucket is not here.
        """

        async def change(tx: AsyncConnection) -> Written:
            order, version = await event_store.load(tx, order_id)
            placed = command.placed if isinstance(command, Place) else order
            at = await self._check(tx, order_id, placed, epoch)
            decided = decide(order, command)
            reaction = follow(order, decided, self._reply_timeout, order_id=order_id)
            return await self._save(tx, reaction, version, at)

        return await self._with_retries(change)

    async def handle(self, event: Event[Any], *, epoch: int | None = None) -> None:
        """Handle a reply to a command.

        Raises:
            AlreadyHandled: it was handled before.
            Reject: it is about no order of this shop.
            StaleMap: the order's bucket is not here.
        """
        order_id = event.data.order_id

        async def change(tx: AsyncConnection) -> None:
            order, version = await event_store.load(tx, order_id)
            at = await self._check(tx, order_id, order, epoch)
            if order is None:
                raise Reject(f"There is no order {order_id}.")
            await inbox.record(tx, event, bucket=bucket_for(order.owner))
            await self._save(tx, react(order, event.data, self._reply_timeout), version, at)

        await self._with_retries(change)

    async def time_out(self) -> bool:
        """Carry out one time-out that is due, of a bucket that is here; False when there is none."""

        async def change(tx: AsyncConnection) -> bool:
            due = await timeouts.take(tx, self._now())
            if due is None:
                return False
            at = await fence.check(tx, due.bucket, None)
            try:
                order, version = await event_store.load(tx, due.order_id)
            except UnknownSchema as error:  # else all others would wait until a newer copy takes this one
                log.error("The time-out of %s of order %s waits: %s", due.step, due.order_id, error)  # noqa: TRY400
                await timeouts.set(tx, [replace(due, due_at=self._now() + UNREADABLE_DELAY)])
                return True
            assert order is not None
            cause = TimedOut(step=due.step, attempt=due.attempt)
            await self._save(tx, react(order, cause, self._reply_timeout), version, at)
            return True

        return await self._with_retries(change)

    async def carry_out_timeouts(self) -> None:
        """Carry out all time-outs that are due; several copies of ordering share the work."""
        async with self.database.read() as tx:
            due_at = await timeouts.next_due(tx)
        if due_at is not None and due_at <= self._now():  # else no writer need wait for this
            while await self.time_out():
                pass

    async def _check(
        self, tx: AsyncConnection, order_id: str, order: Order | Placed | None, epoch: int | None
    ) -> int:
        """The epoch of an order's bucket, which is here until the transaction ends; 0 for no known order."""
        bucket = bucket_in(order_id) if order is None else bucket_for(order.owner)
        return 0 if bucket is None else await fence.check(tx, bucket, epoch)

    async def _save(self, tx: AsyncConnection, reaction: Reaction, version: int, epoch: int) -> Written:
        order = reaction.order
        if not reaction.events:
            position = await event_store.position(tx, order.id)
            return Written(order=order, version=version, position=position, epoch=epoch)
        await outbox.add_all(tx, [(message, order.id) for message in reaction.messages])
        if reaction.settled:
            await timeouts.settle(tx, order.id, reaction.settled)
        await timeouts.set(tx, [self._due(order, timeout) for timeout in reaction.timeouts])
        position = await event_store.append(tx, order.id, version, reaction.events)
        version += len(reaction.events)
        return Written(order=order, version=version, position=position, epoch=epoch)

    def _due(self, order: Order, timeout: Timeout) -> OrderTimeout:
        delay = timeout.delay * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 (no secret)
        due_at = self._now() + timedelta(seconds=delay)
        return OrderTimeout(
            order_id=order.id,
            bucket=bucket_for(order.owner),
            step=timeout.step,
            attempt=timeout.attempt,
            due_at=due_at,
        )

    async def _with_retries(self, change: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Run a transaction, anew when another one has changed the same order meanwhile."""
        for attempt in range(1, MAX_CONFLICTS):
            try:
                async with self.database.write() as tx:
                    return await change(tx)
            except Conflict:
                await asyncio.sleep(random.uniform(0, 0.01 * attempt))  # noqa: S311 (no secret)
        async with self.database.write() as tx:
            return await change(tx)
