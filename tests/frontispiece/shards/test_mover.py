"""Buckets move between shards that serve meanwhile; the mover may be killed at any instant."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from frontispiece.events import EventSettings, KeyValue, open_key_value
from frontispiece.http import Problem
from frontispiece.shards import ShardMap, transfer
from frontispiece.shards.movable import Views
from frontispiece.shards.move import MoveFailed, MoveTaken
from frontispiece.shards.mover import Mover
from frontispiece.shards.router import BUCKET, publish
from frontispiece.stores import Database
from tests.frontispiece.shards.conftest import World, things, waiting
from tests.support.waiting import until

BUCKETS = range(18)
"""Of shard 0: two groups."""

PACE = 0.02
"""Seconds between two things of a customer."""


on_sqlite = pytest.mark.parametrize("urls", ["sqlite"], indirect=True)
"""A test of what does not depend on the kind of database."""


@pytest.fixture
async def kv(world: World, event_settings: EventSettings) -> AsyncIterator[KeyValue]:
    """The broker, with the map, which the router follows."""
    async with (
        open_key_value(event_settings, BUCKET) as opened,
        world.router.following(event_settings, "things"),
    ):
        await publish(opened, "things", world.router.map)
        yield opened


class Reports(list[str]):
    """What a mover has reported."""

    def __call__(self, text: str) -> None:
        self.append(text)


def mover_of(world: World, kv: KeyValue, reports: Reports | None = None) -> Mover:
    return Mover(world.movable, kv, report=Reports() if reports is None else reports)


async def begun(world: World, kv: KeyValue) -> Mover:
    """A mover that has begun to move the buckets to shard 1."""
    mover = mover_of(world, kv)
    await mover.begin(await mover.plan(BUCKETS, "1"))
    return mover


class Customers:
    """They add things to all buckets while a move goes on."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.added: list[str] = []
        self._stopping = False

    async def run(self, of: int) -> None:
        while not self._stopping:
            name = f"{of}-{len(self.added)}"
            try:
                await self._world.add(name, len(self.added) % len(BUCKETS))
            except Problem as problem:  # a busy machine may be slower than a change waits
                assert problem.headers == {"Retry-After": "1"}  # noqa: PT017 (seldom)
                continue
            self.added.append(name)
            await asyncio.sleep(PACE)

    @asynccontextmanager
    async def coming(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            for number in range(2):
                tasks.create_task(self.run(number))
            await until(lambda: len(self.added) > len(BUCKETS))
            yield
            count = len(self.added)
            await until(lambda: len(self.added) > count + len(BUCKETS))
            self._stopping = True


class Killed(BaseException):
    """The end of a mover."""


class Kills:
    """Kills a mover before or after its nth write to a shard or to the broker."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._left: int | None = None
        self._mover: asyncio.Task[None] | None = None
        write, update = Database.write, KeyValue.update

        @asynccontextmanager
        async def killing_write(database: Database) -> AsyncIterator[AsyncConnection]:
            self._pass()
            async with write(database) as tx:
                yield tx
            self._pass()

        async def killing_update(kv: KeyValue, key: str, value: bytes, revision: int) -> int:
            self._pass()
            new = await update(kv, key, value, revision)
            self._pass()
            return new

        monkeypatch.setattr(Database, "write", killing_write)
        monkeypatch.setattr(KeyValue, "update", killing_update)

    def _pass(self) -> None:
        if asyncio.current_task() is self._mover and self._left is not None:
            self._left -= 1
            if self._left < 0:
                raise Killed

    async def run(self, world: World, kv: KeyValue) -> int:
        """Run movers, each of which comes a little further before it is killed; returns how many were."""
        self._mover, killed = asyncio.current_task(), 0
        while True:
            mover, self._left = mover_of(world, kv), None
            await mover.load()
            self._left = 3 * killed + 1
            try:
                await mover.run()
            except Killed:
                killed += 1
            else:
                self._left = None
                return killed


@pytest.fixture
def kills(monkeypatch: pytest.MonkeyPatch) -> Kills:
    return Kills(monkeypatch)


async def test_buckets_move_there_and_back_while_movers_are_killed_and_nothing_is_lost(
    world: World, kv: KeyValue, kills: Kills
) -> None:
    customers = Customers(world)

    async with customers.coming():
        await begun(world, kv)
        assert await kills.run(world, kv) > 3
        assert world.router.map.buckets_of("1") >= set(BUCKETS)
        back = mover_of(world, kv)
        await back.load()
        await back.turn_back()
        assert await kills.run(world, kv) > 3

    assert Counter(await world.names("0")) == Counter(customers.added)
    assert await world.names("1") == []
    newest = {name for of in range(2) for name in customers.added if name.startswith(f"{of}-")}
    assert await world.todos("0") <= newest
    assert await mover_of(world, kv).load() is None


async def test_a_completed_move_leaves_nothing_behind(world: World, kv: KeyValue) -> None:
    reports = Reports()
    for bucket in BUCKETS:
        await world.add(f"{bucket}", bucket)
    mover = mover_of(world, kv, reports)
    await mover.begin(await mover.plan(BUCKETS, "1"))
    await mover.run()
    assert len(await world.names("0")) == len(await world.names("1")) == len(BUCKETS)

    await mover.complete()
    await mover.run()

    assert (await world.names("0"), await world.todos("0")) == ([], set())
    assert len(await world.todos("1")) == len(BUCKETS)
    assert reports[:3] == [
        "0-15: 16 rows are copied to shard 1",
        "0-15: the rows are equal",
        "0-15: shard 1 serves",
    ]
    assert reports[-1] == "16-17: nothing is left at shard 0"
    assert await mover.load() is None


@on_sqlite
async def test_what_changes_after_the_move_is_copied_back_until_it_is_completed(
    world: World, kv: KeyValue
) -> None:
    mover = await begun(world, kv)
    await mover.run()
    following = asyncio.create_task(mover.follow())
    await world.add("a", 0)

    async with asyncio.timeout(60):
        while await world.names("0") != ["a"]:
            pass

    other = mover_of(world, kv)
    await other.load()
    await other.complete()
    await following


@on_sqlite
async def test_a_move_that_is_given_up_leaves_the_buckets_where_they_are(world: World, kv: KeyValue) -> None:
    await world.add("a", 0)
    async with world.databases["0"].write() as tx:
        await tx.execute(waiting.insert().values(bucket=0))  # the broker does not take it
    reports = Reports()
    mover = mover_of(world, kv, reports)
    await mover.begin(await mover.plan([0], "1"))
    running = asyncio.create_task(mover.run())
    await until(lambda: any("0: not handed over yet" in report for report in reports))
    assert await world.names("1") == ["a"]

    other = mover_of(world, kv)
    await other.load()
    await other.turn_back()
    await other.run()
    async with world.databases["0"].write() as tx:
        await tx.execute(waiting.delete())

    with pytest.raises(MoveTaken):  # the first mover finds out
        await running
    await world.add("b", 0)
    assert (await world.names("0"), await world.names("1")) == (["a", "b"], [])


@on_sqlite
async def test_rows_that_differ_stop_a_move(world: World, kv: KeyValue) -> None:
    await world.add("a", 0)
    async with world.databases["1"].write() as tx:
        await tx.execute(things.insert().values(name="b", bucket=0))  # nobody has put it there
    mover = await begun(world, kv)

    with pytest.raises(MoveFailed, match="bucket 0: the rows in things differ"):
        await mover.run()

    assert world.router.map == ShardMap.even(["0", "1"])


def derived(*of_source: Views) -> Callable[[str, Collection[int]], Awaitable[Views]]:
    """What shard 0 has derived, from one look to the next; shard 1 has derived the last of it at once."""
    looks = [*of_source]

    async def views(shard: str, _buckets: Collection[int]) -> Views:
        return looks.pop(0) if shard == "0" and looks else of_source[-1]

    return views


@on_sqlite
async def test_a_move_waits_for_the_shard_that_is_slower_in_deriving_and_says_so(
    world: World, kv: KeyValue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "VIEWS_REPORT", 0.0)
    await world.add("a", 0)
    reports = Reports()
    views = derived({}, {}, {"a": (1, b"")})
    mover = Mover(replace(world.movable, views=views), kv, report=reports)
    await mover.begin(await mover.plan([0], "1"))

    await mover.run()

    assert await world.names("1") == ["a"]
    assert "0: waits until both shards have derived the same of a: things has to run" in reports


@on_sqlite
async def test_one_move_is_under_way_at_a_time(world: World, kv: KeyValue) -> None:
    mover = await begun(world, kv)

    with pytest.raises(MoveFailed, match="Another move is under way"):
        await begun(world, kv)
    with pytest.raises(MoveFailed, match="has not come to its target"):
        await mover.complete()
    with pytest.raises(MoveFailed, match="there is no shard 7, but 0, 1"):
        await mover.plan(BUCKETS, "7")
    with pytest.raises(MoveFailed, match="all of these buckets are at shard 0"):
        await mover.plan(BUCKETS, "0")
