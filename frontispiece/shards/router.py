"""The way to the shard of a bucket, by the newest map that this process knows."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Final, TypeVar

from frontispiece.aio import periodic
from frontispiece.errors import ConfigError
from frontispiece.events import BrokerUnavailable, EventSettings, KeyExists, RevisionMismatch
from frontispiece.events.kv import KeyValue, open_key_value
from frontispiece.events.kv_watch import Entry
from frontispiece.http.problems import Problem
from frontispiece.shards.claims import (
    Claims,
    claims_of,
    leave_to_others,
    lost_buckets,
    newest_map,
    open_incoming,
    read_claims,
)
from frontispiece.shards.fence import Fence, StaleMap
from frontispiece.shards.map import ShardMap, format_buckets
from frontispiece.stores import Database

log = logging.getLogger(__name__)

BUCKET: Final = "shards"
"""The key-value bucket of the project with the map and the move of each service, by its name."""

WRITE_TIMEOUT: Final = 1.0
"""Seconds that a change waits for a bucket that is moving."""

PAUSE: Final = 0.01
"""Seconds until a change is tried again."""

RESTART_INTERVAL: Final = 1.0

BROKER: Final = ""
"""The name of the broker's map among those of the shards, where claims are compared."""

REMEDY: Final = "name them in the settings, as all copies must before buckets move there, and start again"

T = TypeVar("T")


class Router:
    """Finds the shard of a bucket.

    Args:
        map_: that it begins with.
        databases: of all shards, open, by their names.
        fence: the table that each of them has.
        is_complete: whether all shards have said which buckets they have.
    """

    def __init__(
        self, map_: ShardMap, databases: Mapping[str, Database], fence: Fence, *, is_complete: bool = True
    ) -> None:
        self.map = map_
        """The newest map from the broker."""
        self.listeners: list[Callable[[], object]] = []
        """Called after each newer map."""
        self._published: ShardMap | None = None
        """The broker's map, as far as is known: it counts where a shard is away that knows better."""
        self._is_complete = is_complete
        self._databases = databases
        self._fence = fence
        self._lost: dict[str, str | None] = {}
        """By shard, what `lost_buckets` said last."""
        self._learnt: dict[int, tuple[int, str]] = {}
        """By bucket, the epoch and the shard that a shard has named, where they are newer than the map."""

    def locate(self, bucket: int) -> tuple[str, int]:
        """The shard of a bucket, and the epoch since when it is known to be there."""
        epoch, shard = self._learnt.get(bucket, (self.map.epoch, self.map.shard_of(bucket)))
        return shard, epoch

    def update(self, newer: ShardMap) -> None:
        """Take another map, unless it is older."""
        if newer.epoch >= self.map.epoch and newer != self.map:
            self.map = newer
            self._learnt = {bucket: at for bucket, at in self._learnt.items() if at[0] > newer.epoch}
            if unknown := self.unknown(newer):
                log.error("The map has shards that this process does not: %s; %s", unknown, REMEDY)
            for listener in self.listeners:
                listener()

    def unknown(self, of: ShardMap) -> str:
        """The shards of a map that this process has no database of; empty for none."""
        return ", ".join(sorted(set(of.shards) - self._databases.keys()))

    async def run(self, bucket: int, change: Callable[[str, int], Awaitable[T]]) -> T:
        """Make a change at the shard of a bucket; anew, for up to a second, where the bucket is not there.

        Args:
            bucket: that is changed.
            change: called with the shard and the epoch for `Fence.check`. What it has done is undone when it
                raises StaleMap.

        Raises:
            Problem: 503 `bucket-moving`, to be tried again after a second: it is moving, or at a shard that
                this process does not know.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + WRITE_TIMEOUT
        while True:
            shard, epoch = self.locate(bucket)
            if shard not in self._databases:
                detail = "What this needs has moved to a database that is not known here yet."
                raise Problem(503, "bucket-moving", detail, headers={"Retry-After": "1"})
            try:
                return await change(shard, epoch)
            except StaleMap as stale:
                if loop.time() > deadline:
                    detail = "What this would change is just moving to another database."
                    raise Problem(503, "bucket-moving", detail, headers={"Retry-After": "1"}) from stale
                if stale.epoch > epoch:
                    self._learnt[bucket] = stale.epoch, stale.shard or shard
                    continue
            await asyncio.sleep(PAUSE)

    @asynccontextmanager
    async def following(self, settings: EventSettings, service: str) -> AsyncIterator[None]:
        """Take each newer map that the broker has, while the block runs; publish this one if it is newer.

        What a mover has handed over and not opened, since it was killed, is opened.

        While the broker is away, the last known map serves; if the broker has lost it, it is published again.

        Args:
            settings: of the broker.
            service: whose map it is.
        """
        async with open_key_value(settings, BUCKET, client=service) as kv:
            begun = asyncio.Event()
            async with AsyncExitStack() as stack:
                watch = periodic(
                    partial(self._follow, kv, service, begun),
                    RESTART_INTERVAL,
                    name=f"{service}: the watch of its map",
                )
                await stack.enter_async_context(watch)
                for shard in self._databases:
                    attending = periodic(
                        partial(self._attend, kv, service, shard),
                        RESTART_INTERVAL,
                        name=f"{service}: the check of the buckets of shard {shard}",
                        expected=(Problem, BrokerUnavailable),
                    )
                    await stack.enter_async_context(attending)
                if not self._is_complete:  # a shard may be an older copy, and the one that knows it away
                    await begun.wait()
                    for shard in self._databases:
                        with suppress(Problem, BrokerUnavailable):
                            await self._attend(kv, service, shard)
                yield

    async def _follow(self, kv: KeyValue, service: str, begun: asyncio.Event) -> None:
        """Take the broker's maps as they come; `begun` is set once the first is known, or the broker away."""
        try:
            await self._publish(kv, service)
            self._take(await kv.get(map_key(service)))
            begun.set()
            async with aclosing(kv.watch(map_key(service))) as entries:
                async for entry in entries:
                    if entry.value is None:  # it is lost
                        await self._publish(kv, service)
                    self._take(entry)
        except BrokerUnavailable:  # the log has it already
            return
        finally:
            begun.set()

    def _take(self, entry: Entry | None) -> None:
        if entry is not None and entry.value is not None:
            self._published = ShardMap.decode(entry.value)
            self.update(self._published)

    async def _publish(self, kv: KeyValue, service: str) -> None:
        """Publish the map, unless a shard is away that may know a newer one."""
        if self._is_complete:
            await publish(kv, service, self.map)

    async def settle(self, shard: str) -> None:
        """Reconcile a shard that was away, or was restored from a backup, with what the others have.

        Raises:
            Problem: 503, the shard is away.
        """
        published = self._published  # what it says, the shards have said before
        claims, away = await read_claims(self._databases, self._fence)
        if shard in away:
            raise away[shard]
        self._is_complete = not away
        if away and published is not None:
            claims[BROKER] = claims_of(published)
        newest = newest_map(claims.values(), self.map)
        if published is not None and newest.epoch < published.epoch:
            log.error("All shards are older than the map of the broker: what they say counts.")
            newest = replace(newest, epoch=published.epoch + 1)
        self.update(newest)
        await self._settle(shard, claims)
        lost = await lost_buckets(shard, self._databases[shard], self._fence, claims)
        if lost and lost != self._lost.get(shard):
            log.error(lost)
        self._lost[shard] = lost

    async def _settle(self, shard: str, claims: Mapping[str, Claims]) -> None:
        database = self._databases[shard]
        if not claims[shard]:
            async with database.write() as tx:
                await self._fence.fill(tx, shard, self.map)
        await leave_to_others(shard, database, self._fence, claims)

    async def _attend(self, kv: KeyValue, service: str, shard: str) -> None:
        """Settle a shard that differs from the map, open its incoming buckets, and publish a newer map."""
        async with self._databases[shard].read() as tx:
            owned = frozenset((await tx.scalars(self._fence.owned)).all())
        if owned != self.map.buckets_of(shard):
            await self.settle(shard)
        await self._open_incoming(kv, service, shard)
        if self._published is None or self.map.epoch > self._published.epoch:
            await self._publish(kv, service)

    async def _open_incoming(self, kv: KeyValue, service: str, shard: str) -> None:
        for buckets, epoch in await open_incoming(self._databases, self._fence, shard):
            log.warning(
                "Buckets %s are open at shard %s: their mover is gone", format_buckets(buckets), shard
            )
            entry = await kv.get(map_key(service))
            known = self.map if entry is None or entry.value is None else ShardMap.decode(entry.value)
            newer = known.with_moved(buckets, shard, epoch)
            self.update(newer)
            await publish(kv, service, newer)


async def open_router(databases: Mapping[str, Database], fence: Fence, first: ShardMap) -> Router:
    """A router with the map that the shards themselves give; what a shard does not know yet is added to it.

    Shards that are away are left out: once they are there, `Router.settle` takes each in.

    Args:
        databases: of all shards.
        fence: the table that each of them has.
        first: the map of shards that are new, all of them.

    Raises:
        ConfigError: other shards have buckets, too.
        Problem: 503, those that are there are new, so one that is away may have all the buckets.
    """
    claims, away = await read_claims(databases, fence)
    if away and not any(claims.values()):
        raise next(iter(away.values()))
    router = Router(newest_map(claims.values(), first), databases, fence, is_complete=not away)
    if unknown := router.unknown(router.map):
        raise ConfigError([f"buckets are at shards that the settings do not name: {unknown}; {REMEDY}"])
    for name in claims:
        await router._settle(name, claims)  # noqa: SLF001 (it is of this module)
    return router


def map_key(service: str) -> str:
    """The key of a service's map."""
    return f"{service}.map"


async def publish(kv: KeyValue, service: str, newer: ShardMap) -> None:
    """Have all processes see a map, unless there is one that is as new.

    Raises:
        BrokerUnavailable: it may not be there.
    """
    while True:
        entry = await kv.get(map_key(service))
        try:
            if entry is None or entry.value is None:
                await kv.create(map_key(service), newer.encode())
            elif ShardMap.decode(entry.value).epoch < newer.epoch:
                await kv.update(map_key(service), newer.encode(), entry.revision)
        except (KeyExists, RevisionMismatch):
            continue
        return
