"""The progress of single orders, as it happens."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager, suppress
from datetime import datetime
from typing import Final

import msgspec

from frontispiece.http import Problem
from frontispiece.service import ServerSentEvent
from frontispiece.shards import Fence
from frontispiece.stores import Database
from services.ordering.domain_events import Reason
from services.ordering.event_store import EventStore, LogReplaced, Recorded, Seen
from services.ordering.model import Status
from services.ordering.upcasting import UnknownSchema
from services.ordering.views import FINAL, OrderView, Stage, apply

log = logging.getLogger(__name__)

BATCH: Final = 500
POLL_INTERVAL: Final = 5.0
"""Seconds between two reads that no commit triggers."""

RETRY_INTERVAL: Final = 1.0
"""Seconds until the next attempt while the database is away."""

Followed = asyncio.Queue[Recorded | None]


class LogFollower:
    """Reads the log once for all who follow an order in this process, woken by its commits.

    While nobody follows one it reads nothing.

    Args:
        database: of the log.
        events: the log.
        fence: says which buckets the shard has.
    """

    def __init__(self, database: Database, events: EventStore, fence: Fence) -> None:
        self._database = database
        self._events = events
        self._fence = fence
        self._woken = asyncio.Event()
        self._seen = Seen()
        self._begun = asyncio.Event()
        """Set once the end of the log is known: all later events are handed out."""
        self._followers: defaultdict[str, set[Followed]] = defaultdict(set)
        self._buckets: dict[str, int] = {}
        """Those of the orders that somebody follows."""

    @property
    def followed(self) -> int:
        """The number of orders that somebody follows."""
        return len(self._followers)

    def wake(self) -> None:
        """Read the log at once: buckets may have moved."""
        self._woken.set()

    async def run(self) -> None:
        """Hand out events as they come until cancelled."""
        async with self._events.appended.wakes(self._database, self.wake):
            await self._run()

    async def _run(self) -> None:
        while True:
            self._woken.clear()
            try:
                while self._followers and await self._read():
                    pass
                if self._followers:
                    await self._end_moved()
            except Problem as problem:
                log.warning("The progress of orders waits: %s", problem)
                await asyncio.sleep(RETRY_INTERVAL)
                continue
            except LogReplaced:
                self._begun.clear()
                continue
            except Exception:  # a bug: followers wait for the next attempt
                log.exception("The progress of orders cannot be read")
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_INTERVAL):
                    await self._woken.wait()

    async def follow(self, order_id: str, bucket: int) -> AsyncGenerator[Recorded, None]:
        """The events of an order from the first one on, and then those that happen.

        Ends when the order's bucket leaves the shard: what happens then happens elsewhere; who follows comes
        again.
        """
        version = 0
        with self._queue(
            order_id, bucket
        ) as queue:  # before the history is read, so that nothing lies between them
            await self._begun.wait()
            async with self._database.read() as tx:
                history = await self._events.history(tx, order_id)
            for recorded in history:
                yield recorded
                version = recorded.version
            while (happened := await queue.get()) is not None:
                if happened.version > version:
                    yield happened
                    version = happened.version

    @contextmanager
    def _queue(self, order_id: str, bucket: int) -> Iterator[Followed]:
        queue: Followed = asyncio.Queue()
        if not self._followers:  # what was committed since the last one left was not read
            self._begun.clear()
            self._woken.set()
        self._followers[order_id].add(queue)
        self._buckets[order_id] = bucket
        try:
            yield queue
        finally:
            self._followers[order_id].discard(queue)
            if not self._followers[order_id]:
                del self._followers[order_id], self._buckets[order_id]

    async def _read(self) -> bool:
        """Hand out the next events; returns whether there may be more.

        One that only a newer version of ordering can read is left out: followers of other orders go on.
        """
        with suppress(UnknownSchema):
            return await self._hand_out(BATCH)
        try:
            await self._hand_out(1)
        except UnknownSchema as error:
            async with self._database.read() as tx:
                following = await self._events.first_after(tx, self._seen.position)
            assert following is not None
            self._seen = following
            log.error("The progress of an order lacks event %d of the log: %s", following.position, error)  # noqa: TRY400
        return True

    async def _hand_out(self, limit: int) -> bool:
        async with self._database.read() as tx:
            if not self._begun.is_set():
                self._seen = Seen(position=await self._events.last_position(tx))
            found = await self._events.read(tx, self._seen, limit)
        for recorded in found:
            for queue in self._followers.get(recorded.order_id, ()):
                queue.put_nowait(recorded)
            self._seen = Seen(position=recorded.position, recorded_at=recorded.recorded_at)
        self._begun.set()
        return len(found) == limit

    async def _end_moved(self) -> None:
        """End the following of orders whose buckets are not here any more."""
        followed = self._fence.table.c.bucket.in_(set(self._buckets.values()))
        async with self._database.read() as tx:
            left = set(await tx.scalars(self._fence.left.where(followed)))
        for order_id, queues in self._followers.items():
            if self._buckets[order_id] in left:
                for queue in queues:
                    queue.put_nowait(None)


class ProgressData(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The data of a server-sent event: where the order is after it."""

    order_id: str
    status: Status
    stage: Stage
    at: datetime
    reason: Reason | None = None
    tracking_code: str = ""


async def progress(
    follower: LogFollower,
    order_id: str,
    bucket: int,
    after_version: int,
    projected: Callable[[int], Awaitable[object]],
) -> AsyncGenerator[ServerSentEvent, None]:
    """The stages that an order comes to after a version of its stream; ends with the last one.

    That one is sent when `projected(position)` returns, so that who then reads the order finds it ended.
    """
    view: OrderView | None = None
    async with aclosing(follower.follow(order_id, bucket)) as happening:
        async for recorded in happening:
            view = apply(view, recorded)
            if view.milestone is not None and recorded.version > after_version:
                if view.stage in FINAL:
                    await projected(recorded.position)
                yield _sent(view)
            if view.stage in FINAL:  # also where `after_version` is beyond it
                return


def _sent(view: OrderView) -> ServerSentEvent:
    data = ProgressData(
        order_id=view.id,
        status=view.status,
        stage=view.stage,
        at=view.timeline[-1].at,
        reason=view.reason,
        tracking_code=view.tracking_code,
    )
    return ServerSentEvent(id=str(view.version), event=view.stage, data=msgspec.json.encode(data))
