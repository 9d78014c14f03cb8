"""Moves buckets from shard to shard while both serve; what it does can be killed at any instant."""

import asyncio
from collections.abc import Collection
from contextlib import suppress
from typing import Final

from msgspec.structs import replace

from frontispiece.events import BrokerUnavailable, KeyValue
from frontispiece.http.problems import Problem
from frontispiece.shards.fence import NotHandedOver
from frontispiece.shards.map import ShardMap, format_buckets
from frontispiece.shards.movable import Movable
from frontispiece.shards.move import RETRY_INTERVAL, Group, Move, MoveFailed, Step, StoredMove
from frontispiece.shards.router import map_key, publish
from frontispiece.shards.transfer import Report, Transfer

GROUP_SIZE: Final = 16
"""Buckets that are handed over together: few enough for the last rows to be copied in a moment."""

FENCE_SECONDS: Final = 0.8
"""How long a fence lasts at most: less than a change waits for it."""

HAND_OVER_TIMEOUT: Final = 0.6
"""Seconds that a mover has for what it does behind the fence."""

MAX_BACKOFF: Final = 5.0
"""Seconds between two attempts to hand buckets over, at most; the first one is a tenth of it."""

FOLLOW_INTERVAL: Final = 0.5
"""Seconds between two copies of what has changed since the move."""


class Mover:
    """Carries out moves of a service's buckets.

    Args:
        throttle: rows that are copied in a second at most, before the hand-over.
        report: called with a sentence for each step.
    """

    def __init__(
        self, movable: Movable, kv: KeyValue, *, throttle: int | None = None, report: Report
    ) -> None:
        self._movable = movable
        self._fence = movable.fence
        self._kv = kv
        self._stored = StoredMove(kv, movable.service)
        self._transfer = Transfer(movable, report, throttle)
        self._report = report

    async def map(self) -> ShardMap:
        """The map at the broker.

        Raises:
            MoveFailed: there is none.
            BrokerUnavailable: it is not known.
        """
        entry = await self._kv.get(map_key(self._movable.service))
        if entry is None or entry.value is None:
            raise MoveFailed(
                f"the broker has no map: {self._movable.service} publishes it within seconds when it runs"
            )
        return ShardMap.decode(entry.value)

    async def plan(self, buckets: Collection[int], target: str) -> Move:
        """The move of buckets to a shard, from where they are; those that are there already are left out.

        Raises:
            MoveFailed: there is no such shard, or nothing to move.
        """
        shards = self._movable.databases
        if target not in shards:
            raise MoveFailed(f"there is no shard {target}, but {', '.join(shards)}")
        known = await self.map()
        groups = []
        for source in sorted({known.shard_of(bucket) for bucket in buckets} - {target}):
            of_source = sorted(bucket for bucket in buckets if known.shard_of(bucket) == source)
            for first in range(0, len(of_source), GROUP_SIZE):
                part = format_buckets(of_source[first : first + GROUP_SIZE])
                groups.append(Group(source=source, target=target, buckets=part))
        if not groups:
            raise MoveFailed(f"all of these buckets are at shard {target}")
        return Move(groups=tuple(groups))

    async def load(self) -> Move | None:
        """The move that is under way."""
        return await self._stored.load()

    async def begin(self, move: Move) -> None:
        """Begin a move, which `run` carries out.

        Raises:
            MoveFailed: another one is under way.
        """
        await self._stored.create(move)

    async def run(self) -> None:
        """Carry out the loaded move until its target serves, or the move is at its end.

        Raises:
            MoveFailed: rows differ.
            MoveTaken: another process has gone on with it.
        """
        move = self._move()
        for number, group in enumerate(move.groups):
            while group.step not in {Step.FOLLOW, Step.DONE}:
                group = await self._step(group)  # noqa: PLW2901 (the same one, further on)
                move = replace(move, groups=(*move.groups[:number], group, *move.groups[number + 1 :]))
                await self._stored.save(move)
        if all(group.step is Step.DONE for group in move.groups):
            await self._stored.delete()

    async def follow(self) -> None:
        """Copy what changes at the target back to the source, until the move goes back or is completed."""
        copied = [_reversed(group) for group in self._move().groups]
        while True:
            with suppress(BrokerUnavailable):
                if (move := await self._stored.load()) is None or not _is_open(move):
                    return
            copied = [await self._transfer.catch_up(group) for group in copied]
            await asyncio.sleep(FOLLOW_INTERVAL)

    async def complete(self) -> None:
        """Have the move end: `run` then deletes the rows at the source.

        Raises:
            MoveFailed: not all buckets are at the target.
        """
        move = self._move()
        if not _is_open(move):
            raise MoveFailed("the move has not come to its target: front shards resume goes on with it")
        await self._stored.save(Move(groups=tuple(replace(group, step=Step.CLEAN) for group in move.groups)))

    async def turn_back(self) -> None:
        """Have the move go back: `run` then moves what has arrived back, and deletes the rest at the target.

        Raises:
            MoveFailed: it is on its way back, or is being completed.
        """
        move = self._move()
        if any(group.returning or group.step in {Step.CLEAN, Step.DONE} for group in move.groups):
            raise MoveFailed("the move is at its end: front shards resume goes on with it")
        await self._stored.save(Move(groups=tuple([await self._turned(group) for group in move.groups])))

    def _move(self) -> Move:
        assert self._stored.move is not None, "it is loaded"
        return self._stored.move

    async def _turned(self, group: Group) -> Group:
        back = replace(_reversed(group), returning=True)
        if group.step is Step.FOLLOW:
            return back
        if group.step is Step.HAND_OVER and group.epoch:
            try:
                async with self._movable.databases[group.source].write() as tx:
                    await self._fence.keep(tx, group.numbers, group.epoch)
            except NotHandedOver:  # it was decided, and its mover was killed then
                await self._open(group)
                return replace(back, copied={})
            await self._publish(group, group.source)
        return replace(back, step=Step.CLEAN)

    async def _step(self, group: Group) -> Group:
        match group.step:
            case Step.COPY:
                group, rows = await self._transfer.copy(group)
                self._report(f"{group.buckets}: {rows} rows are copied to shard {group.target}")
                return replace(group, step=Step.COMPARE)
            case Step.COMPARE:
                group = await self._transfer.compare(group)
                self._report(f"{group.buckets}: the rows are equal")
                return replace(group, step=Step.HAND_OVER)
            case Step.HAND_OVER if not group.epoch:
                return replace(group, epoch=(await self._map_or_wait()).epoch + 1)
            case Step.HAND_OVER:
                return await self._hand_over(group)
            case _:
                await self._transfer.clean(group)
                self._report(f"{group.buckets}: nothing is left at shard {group.source}")
                return replace(group, step=Step.DONE)

    async def _hand_over(self, group: Group) -> Group:
        """Hand the buckets over, in as many attempts as it takes."""
        source, _ = self._transfer.databases(group)
        backoff, back_from = MAX_BACKOFF / 10, dict[str, int]()
        while True:
            async with source.read() as tx:
                if await self._fence.is_handed_over(tx, group.numbers, group.epoch):
                    break
            back_from = {
                log.table.name: await self._transfer.last_position(group.target, log)
                for log in self._movable.logs
            }
            try:
                await self._attempt(group)
            except (NotHandedOver, TimeoutError, Problem) as error:
                reason = str(error) or "it took too long"
                self._report(f"{group.buckets}: not handed over yet: {reason}")
                await asyncio.sleep(backoff)
                await self._stored.confirm()
                backoff = min(MAX_BACKOFF, 2 * backoff)
        await self._open(group)
        self._report(f"{group.buckets}: shard {group.target} serves")
        if group.returning:
            return replace(group, step=Step.CLEAN)
        return replace(group, step=Step.FOLLOW, copied=back_from)

    async def _attempt(self, group: Group) -> None:
        """Hand the buckets over, up to the commit that decides.

        Raises:
            NotHandedOver, TimeoutError: they are where they were.
        """
        source, target = self._transfer.databases(group)
        async with target.write() as tx:
            await self._fence.receive(tx, group.numbers, group.epoch, group.source)
        group = await self._transfer.catch_up(group)
        async with source.write() as tx:
            until = await self._fence.fence(tx, group.numbers, group.epoch, FENCE_SECONDS)
        try:
            async with asyncio.timeout(HAND_OVER_TIMEOUT):
                group = await self._transfer.catch_up(group)
                await self._transfer.copy_states(group)
                await self._transfer.compare_counts(group)
                await self._transfer.wait_until_published(group)
                async with source.write() as tx:
                    await self._fence.hand_over(tx, group.numbers, until, group.epoch, group.target)
        finally:
            async with source.write() as tx:
                await self._fence.unfence(tx, group.numbers, until)  # nothing where it was handed over

    async def _open(self, group: Group) -> None:
        """Open the buckets at the target, and have all processes see it."""
        async with self._movable.databases[group.target].write() as tx:
            await self._fence.open(tx, group.numbers, group.epoch)
        await self._publish(group, group.target)

    async def _publish(self, group: Group, shard: str) -> None:
        while True:
            newer = (await self._map_or_wait()).with_moved(group.numbers, shard, group.epoch)
            try:
                return await publish(self._kv, self._movable.service, newer)
            except BrokerUnavailable:
                await asyncio.sleep(RETRY_INTERVAL)

    async def _map_or_wait(self) -> ShardMap:
        while True:
            try:
                return await self.map()
            except BrokerUnavailable:
                await asyncio.sleep(RETRY_INTERVAL)


def _reversed(group: Group) -> Group:
    """From the target back to the source."""
    return replace(group, source=group.target, target=group.source, step=Step.COPY, epoch=0)


def _is_open(move: Move) -> bool:
    """Whether all buckets are at the target, and may come back."""
    return all(group.step is Step.FOLLOW for group in move.groups)
