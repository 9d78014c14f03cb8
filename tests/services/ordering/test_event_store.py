"""What the store of events promises, on SQLite and on PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest
import sqlalchemy as sa

from frontispiece.stores import Database
from services.ordering.domain_events import (
    Captured,
    Confirmed,
    OrderEvent,
    Placed,
    Reserved,
    Step,
    StepStarted,
)
from services.ordering.event_store import Conflict, EventStore, Seen
from services.ordering.order import Order, fold
from services.ordering.upcasting import UnknownSchema
from tests.services.ordering.orders import LINE, ORDER_ID, PLACED
from tests.support.clock import Calendar

OTHER_ID = ORDER_ID.replace("0b8f", "1c9a")
EVENTS = [PLACED, StepStarted(step=Step.RESERVE), Reserved()]


class Streams:
    """A store with its database."""

    def __init__(self, url: str, clock: Calendar, snapshot_every: int = 50) -> None:
        metadata = sa.MetaData()
        self.store = EventStore(metadata, now=clock, snapshot_every=snapshot_every)
        self.database = Database(url, metadata)

    async def append(self, version: int, events: Sequence[OrderEvent], order_id: str = ORDER_ID) -> int:
        async with self.database.write() as tx:
            return await self.store.append(tx, order_id, version, events)

    async def load(self, order_id: str = ORDER_ID) -> tuple[Order | None, int]:
        async with self.database.read() as tx:
            return await self.store.load(tx, order_id)

    async def positions(self, after: int = 0, limit: int = 1000) -> list[int]:
        async with self.database.read() as tx:
            return [recorded.position for recorded in await self.store.read(tx, Seen(position=after), limit)]


@pytest.fixture
async def streams(database_url: str, clock: Calendar) -> AsyncIterator[Streams]:
    streams = Streams(database_url, clock)
    async with streams.database:
        yield streams


@pytest.mark.parametrize("version", [0, 2, 4, 9])
async def test_an_append_to_another_version_is_refused(streams: Streams, version: int) -> None:
    await streams.append(0, EVENTS)

    with pytest.raises(Conflict):
        await streams.append(version, [Confirmed()])
    assert (await streams.load())[1] == 3


async def test_of_concurrent_appends_to_one_version_one_succeeds(streams: Streams) -> None:
    await streams.append(0, EVENTS)
    outcomes = await asyncio.gather(
        *(streams.append(3, [Captured(amount=number)]) for number in range(8)), return_exceptions=True
    )

    assert [outcome for outcome in outcomes if not isinstance(outcome, Conflict)] == [4]
    assert (await streams.load())[1] == 4


async def test_a_transaction_that_fails_leaves_no_event_and_no_gap(streams: Streams) -> None:
    async with AsyncExitStack() as stack:
        tx = await stack.enter_async_context(streams.database.write())
        await streams.store.append(tx, ORDER_ID, 0, EVENTS)
        stack.push_async_callback(tx.rollback)

    assert await streams.append(0, EVENTS, OTHER_ID) == 3
    assert await streams.positions() == [1, 2, 3]


async def test_events_are_read_in_one_order_page_by_page(streams: Streams, clock: Calendar) -> None:
    await streams.append(0, EVENTS[:1])
    clock.now += timedelta(seconds=1)
    await streams.append(0, EVENTS[:1], OTHER_ID)
    await streams.append(1, EVENTS[1:])

    async with streams.database.read() as tx:
        first = await streams.store.read(tx, Seen(), 2)
        second = await streams.store.read(tx, Seen(position=2), 9)
    assert [(each.position, each.order_id, each.version) for each in first + second] == [
        (1, ORDER_ID, 1),
        (2, OTHER_ID, 1),
        (3, ORDER_ID, 2),
        (4, ORDER_ID, 3),
    ]
    assert [each.event for each in second] == EVENTS[1:]
    assert first[1].recorded_at - first[0].recorded_at == timedelta(seconds=1)


async def test_a_reader_that_follows_many_writers_skips_nothing(streams: Streams) -> None:
    """Were an earlier position committed after a later one, the reader would be past it already."""

    async def place(number: int) -> None:
        async with streams.database.write() as tx:
            await tx.execute(sa.select(1))
            await asyncio.sleep(0)
            await streams.store.append(tx, f"{number:036}", 0, EVENTS)
            for _ in range(number % 5):
                await tx.execute(sa.select(1))

    async def follow() -> list[int]:
        seen: list[int] = []
        while len(seen) < 90:
            seen += await streams.positions(after=seen[-1] if seen else 0, limit=7)
        return seen

    seen, *_ = await asyncio.gather(follow(), *(place(number) for number in range(30)))
    assert seen == list(range(1, 91))


async def test_while_one_transaction_has_appended_another_waits_for_its_end(streams: Streams) -> None:
    async with streams.database.write() as tx:
        first = await streams.store.append(tx, ORDER_ID, 0, EVENTS[:1])
        second = asyncio.create_task(streams.append(0, EVENTS[:1], OTHER_ID))
        done, _ = await asyncio.wait([second], timeout=0.2)
        assert not done
    assert (first, await second) == (1, 2)


async def test_a_long_stream_is_loaded_from_its_snapshot(database_url: str, clock: Calendar) -> None:
    streams = Streams(database_url, clock, snapshot_every=4)
    async with streams.database:
        await streams.append(0, EVENTS)
        steps = [StepStarted(step=Step.AUTHORISE, attempt=number) for number in range(1, 6)]
        await streams.append(3, steps[:4])
        await streams.append(7, steps[4:])
        async with streams.database.write() as tx:
            newest = sa.select(streams.store.snapshots.c.version)
            assert (await tx.execute(newest)).scalars().all() == [8]
            await tx.execute(streams.store.events.delete().where(streams.store.events.c.version < 8))
        await streams.append(8, [Confirmed()])

        assert await streams.load() == (fold([*EVENTS, *steps, Confirmed()], order_id=ORDER_ID), 9)


async def test_a_snapshot_of_another_schema_is_not_used(database_url: str, clock: Calendar) -> None:
    streams = Streams(database_url, clock, snapshot_every=2)
    async with streams.database:
        await streams.append(0, EVENTS)
        async with streams.database.write() as tx:
            await tx.execute(streams.store.snapshots.update().values(schema_version=0, state={}))

        assert await streams.load() == (fold(EVENTS, order_id=ORDER_ID), 3)


PLACED_1 = {
    "owner": "reader",
    "digest": "d1",
    "currency": "EUR",
    "lines": [{"sku": "PEN", "name": "Pen", "quantity": 2, "unit_price": 333, "percent_off": 10}],
    "placed_at": "2025-05-01T12:00:00Z",
}


async def store_raw(streams: Streams, schema: int) -> None:
    row = {
        "position": 1,
        "order_id": ORDER_ID,
        "version": 1,
        "type": "placed",
        "schema_version": schema,
        "data": PLACED_1,
        "recorded_at": PLACED.placed_at,
        "bucket": 0,
    }
    async with streams.database.write() as tx:
        await tx.execute(streams.store.events.insert().values(row))


async def test_an_event_of_the_first_schema_is_read_as_one_of_the_newest(streams: Streams) -> None:
    await store_raw(streams, schema=1)

    order, _ = await streams.load()
    assert order is not None
    assert (order.bill.lines, order.delivery, order.coupon, order.total) == ((LINE,), None, "", 600)


async def test_an_event_of_a_newer_schema_is_never_guessed(streams: Streams) -> None:
    await store_raw(streams, schema=Placed.SCHEMA + 1)

    with pytest.raises(UnknownSchema, match="newer version of ordering"):
        await streams.load()
