"""The rows of a group of buckets: copied, compared and deleted."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from msgspec.structs import replace

from frontispiece.shards import copying
from frontispiece.shards.fence import NotHandedOver, now
from frontispiece.shards.movable import LogTable, Movable, Row
from frontispiece.shards.move import Group, MoveFailed
from frontispiece.stores import Database

PAUSE: Final = 0.005
"""Seconds between two looks at what another process is to do behind the fence."""

VIEWS_INTERVAL: Final = 0.2
"""Seconds between two looks at what the shards have derived."""


VIEWS_REPORT: Final = 5.0
"""Seconds after which it is reported what a move waits for."""

NAMED: Final = 3
"""Things that the report names."""

Report = Callable[[str], object]


class Transfer:
    """Copies the rows of buckets between a service's shards.

    All methods may be repeated: what was copied before is not copied twice.

    Args:
        throttle: rows that `copy` copies in a second at most.
        report: called with a sentence when `compare` waits for long.
    """

    def __init__(self, movable: Movable, report: Report, throttle: int | None = None) -> None:
        self._report = report
        self._movable = movable
        self._fence = movable.fence
        self._throttle = throttle

    def databases(self, group: Group) -> tuple[Database, Database]:
        """The databases of the source and of the target."""
        return self._movable.databases[group.source], self._movable.databases[group.target]

    async def copy(self, group: Group) -> tuple[Group, int]:
        """Copy what is there now, bucket by bucket; returns how far, and how many rows.

        Raises:
            NotHandedOver: a bucket is at the target already.
        """
        _, target = self.databases(group)
        async with target.write() as tx:
            await self._fence.admit(tx, group.numbers)
        return await self._copy(group, [[bucket] for bucket in group.numbers], self._throttle)

    async def catch_up(self, group: Group) -> Group:
        """Copy what was added since; returns how far."""
        group, _ = await self._copy(group, [group.numbers])
        return group

    async def _copy(
        self, group: Group, parts: Sequence[Sequence[int]], throttle: int | None = None
    ) -> tuple[Group, int]:
        source, _ = self.databases(group)
        rows, as_of, copied = 0, now(), dict(group.copied)
        for log in self._movable.logs:
            after = copied.get(log.table.name, 0) - log.overlap
            last = copied[log.table.name] = await self.last_position(group.source, log)
            until = None if log.overlap else last  # what was added since may be copied, too
            for part in parts:
                pages = copying.rows_after(source, log, part, after=after, until=until, as_of=as_of)
                async for page in pages:
                    await self._insert(group, log, page)
                    rows += len(page)
                    if throttle is not None:
                        await asyncio.sleep(len(page) / throttle)
        return replace(group, copied=copied), rows

    async def last_position(self, shard: str, log: LogTable) -> int:
        """The highest position in a log of a shard; of a `Moment` none that is still to come."""
        async with self._movable.databases[shard].read() as tx:
            last = await copying.last_position(tx, log)
        return min(last, now()) if log.overlap else last  # a clock may have been ahead once

    async def copy_states(self, group: Group) -> None:
        """Copy the tables whose rows change, while nothing may change them."""
        source, target = self.databases(group)
        async with source.read() as tx:
            found = [await copying.read_state(tx, state, group.numbers) for state in self._movable.states]
        async with target.write() as tx:
            await self._fence.expect_copy(tx, group.numbers)
            for state, rows in zip(self._movable.states, found, strict=True):
                await copying.replace_state(tx, state, group.numbers, rows)

    async def compare(self, group: Group) -> Group:
        """Compare the hashes of all rows, and what both shards have derived of them; returns how far.

        Raises:
            MoveFailed: they differ.
        """
        group = await self.catch_up(group)
        source, target = self.databases(group)
        as_of = now()
        for log in self._movable.logs:
            until = group.copied[log.table.name] - log.overlap
            of_target = None if log.insert else until
            for bucket in group.numbers:
                async with source.read() as tx:
                    here = await copying.digest(tx, log, bucket, until=until, as_of=as_of)
                async with target.read() as tx:
                    there = await copying.digest(tx, log, bucket, until=of_target, as_of=as_of)
                if here != there:
                    raise MoveFailed(f"bucket {bucket}: the rows in {log.table.name} differ")
        return await self._compare_views(group)

    async def compare_counts(self, group: Group) -> None:
        """Return when both shards have as many rows of each bucket.

        Raises:
            NotHandedOver: they have not.
        """
        source, target = self.databases(group)
        as_of = now()
        for log in self._movable.logs:
            async with source.read() as tx:
                here = await copying.count(tx, log, group.numbers, as_of)
            async with target.read() as tx:
                there = await copying.count(tx, log, group.numbers, as_of)
            if here != there:
                raise NotHandedOver(f"the rows in {log.table.name} are not as many")

    async def wait_until_published(self, group: Group) -> None:
        """Return when no message about the buckets waits at the source: those of the target come after it."""
        source, _ = self.databases(group)
        while True:
            async with source.read() as tx:
                if not await self._movable.unpublished(tx, group.numbers):
                    return
            await asyncio.sleep(PAUSE)

    async def clean(self, group: Group) -> None:
        """Delete the rows at the source, where the buckets are not any more."""
        source, _ = self.databases(group)
        for bucket in group.numbers:
            async with source.write() as tx:
                if not await self._fence.leave(tx, bucket, group.target):
                    continue
                if self._movable.removed is not None:
                    await self._movable.removed(tx, bucket)
                for table in self._movable.tables:
                    await copying.delete(tx, table, [bucket])

    async def _compare_views(self, group: Group) -> Group:
        """Return when the target has derived the same as the source of each thing, at the same version."""
        if (views := self._movable.views) is None:
            return group
        source, _ = self.databases(group)
        loop = asyncio.get_running_loop()
        report_at = loop.time() + VIEWS_REPORT
        unequal: set[str] | None = None
        while unequal is None or unequal:
            if unequal:
                await asyncio.sleep(VIEWS_INTERVAL)
                if loop.time() > report_at:
                    report_at += VIEWS_REPORT
                    self._report(
                        f"{group.buckets}: waits until both shards have derived the same of "
                        f"{', '.join(sorted(unequal)[:NAMED])}: {self._movable.service} has to run"
                    )
            group = await self.catch_up(group)
            there = await views(group.target, group.numbers)
            here = await views(group.source, group.numbers)
            unequal = set(here) if unequal is None else unequal
            if more := there.keys() - here.keys():  # the source may be busy
                async with source.read() as tx:
                    more -= await copying.names(tx, self._movable.logs[0], more)
            if more:
                raise MoveFailed(f"shard {group.target} alone has derived {', '.join(sorted(more))}")
            unequal |= there.keys() - here.keys()
            both = unequal & there.keys() & here.keys()
            same_version = {name for name in both if there[name][0] == here[name][0]}
            if wrong := {name for name in same_version if there[name] != here[name]}:
                raise MoveFailed(f"what the shards have derived differs: {', '.join(sorted(wrong))}")
            unequal -= same_version
        return group

    async def _insert(self, group: Group, log: LogTable, rows: Sequence[Row]) -> None:
        _, target = self.databases(group)
        async with target.write() as tx:
            await self._fence.expect_copy(tx, group.numbers)
            await copying.insert_rows(tx, log, rows)
