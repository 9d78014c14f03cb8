"""What the projection of the log promises, on SQLite and on PostgreSQL."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from prometheus_client import CollectorRegistry

from services.ordering.domain_events import Step, StepStarted, Stuck, encode
from services.ordering.event_store import LogReplaced, Recorded, Seen
from services.ordering.projection import project
from services.ordering.projector import Lag, Projector
from services.ordering.read_store import live
from services.ordering.read_tables import generations
from services.ordering.views import MissingEvent
from tests.services.ordering.orders import ORDER_ID, PLACED
from tests.services.ordering.reading import CANCELLED, Reading, order_id
from tests.support.clock import Calendar
from tests.support.waiting import until


async def project_and(
    reading: Reading, events: Sequence[Recorded], death: type[Exception] | None = None
) -> None:
    async with reading.store.database.write() as tx:
        generation, seen = await live(tx, lock=True)
        await project(tx, generation, seen, events)
        if death:
            raise death


def foreign_row(position: int = 1) -> dict[str, Any]:
    """An event as a process stores it that dies before it wakes anybody."""
    return {
        "position": position,
        "order_id": order_id(position),
        "version": 1,
        "type": PLACED.NAME,
        "schema_version": PLACED.SCHEMA,
        "data": encode(PLACED),
        "recorded_at": PLACED.placed_at,
        "bucket": 0,
    }


async def test_totals_are_of_a_day_and_revenue_is_that_of_completed_orders(
    reading: Reading, clock: Calendar
) -> None:
    await reading.append_orders(range(3))
    clock.now += timedelta(days=1)
    await reading.append_orders([3])
    await reading.catch_up()

    later, earlier = await reading.totals()
    assert earlier["revenue"] == 2 * 1090
    counts = ("placed", "confirmed", "completed", "cancelled")
    assert [earlier[count] for count in counts] == [3, 2, 2, 1]
    assert [later[count] for count in counts] == [1, 0, 0, 1]


async def test_events_that_come_again_change_nothing_even_when_the_position_was_lost(
    reading: Reading,
) -> None:
    end = await reading.append_orders(range(5))
    await reading.catch_up()
    before = await reading.rows()
    async with reading.database.read() as log_tx:
        events = await reading.events.read(log_tx, Seen(), 1000)

    for position in (end, 0):
        async with reading.store.database.write() as tx:
            generation, _ = await live(tx, lock=True)
            assert (await project(tx, generation, Seen(position=position), events)).position == end
        assert await reading.rows() == before


async def test_after_a_death_in_the_middle_of_a_batch_it_goes_on_where_it_was(reading: Reading) -> None:
    end = await reading.append_orders(range(5))
    await reading.projector.advance(11)
    async with reading.database.read() as log_tx:
        events = await reading.events.read(log_tx, Seen(position=11), 20)
    with pytest.raises(InterruptedError):
        await project_and(reading, events, InterruptedError)
    assert await reading.states() == {"blue": ("live", 11)}

    await reading.catch_up()
    assert await reading.states() == {"blue": ("live", end)}
    await reading.rebuild()  # which finds every difference to a projection in one piece
    assert [total["placed"] for total in await reading.totals()] == [5]


async def test_copies_of_before_the_log_was_recognised_may_project_beside_this_one(
    reading: Reading, clock: Calendar
) -> None:
    await reading.append_orders(range(1))
    await reading.catch_up()
    first = sa.select(generations.c.recorded_at)
    async with reading.store.database.read() as tx:
        recorded_at = await tx.scalar(first)
    clock.now += timedelta(days=1)
    await reading.append_orders(range(1, 2))
    await reading.catch_up()
    async with reading.store.database.write() as tx:  # they move the position alone
        await tx.execute(generations.update().values(recorded_at=recorded_at))
    end = await reading.append_orders(range(2, 4))

    await reading.catch_up()
    assert await reading.states() == {"blue": ("live", end)}


@pytest.mark.parametrize("is_upgraded", [True, False], ids=["after-it-has-run", "before"])
async def test_a_log_restored_right_after_an_upgrade_from_before_it_was_recognised_is_noticed(
    reading: Reading, clock: Calendar, *, is_upgraded: bool
) -> None:
    await reading.append_orders(range(5))
    clock.now += timedelta(days=1)
    await reading.append_orders([5])
    await reading.catch_up()
    async with reading.store.database.write() as tx:
        await tx.execute(generations.update().values(recorded_at=None))
    if is_upgraded:
        await reading.catch_up()
    events = reading.events.events
    async with reading.database.write() as tx:  # the backup
        await tx.execute(events.delete().where(events.c.position > 30))
    with pytest.raises(LogReplaced):
        await reading.catch_up()
    clock.now += timedelta(days=1)
    await reading.append_orders(range(100, 106))  # past it again

    with pytest.raises(LogReplaced):
        await reading.catch_up()


async def test_a_batch_that_leaves_an_event_of_an_order_out_is_refused_as_a_whole(reading: Reading) -> None:
    await reading.append_orders(range(2))
    async with reading.database.read() as log_tx:
        events = await reading.events.read(log_tx, Seen(position=1), 100)

    with pytest.raises(MissingEvent, match=f"order {order_id(0)}: event 2 came after event 0"):
        await project_and(reading, events)
    assert await reading.rows() == [[], [], [], []]


async def test_many_projectors_at_once_count_every_event_once(reading: Reading) -> None:
    await reading.append_orders(range(20))
    await asyncio.gather(*(reading.catch_up(reading.new_projector()) for _ in range(4)))

    (total,) = await reading.totals()
    assert (total["placed"], total["completed"], total["cancelled"]) == (20, 10, 10)


async def test_a_running_projector_is_woken_and_those_who_wait_for_a_position_with_it(
    reading: Reading,
) -> None:
    projector = Projector(reading.database, reading.events, reading.store, poll_interval=1000)
    running = asyncio.create_task(projector.run())
    try:
        for number in range(3):
            position = await reading.append(order_id(number), 0, [PLACED])
            assert await projector.wait_for(position, 10)
            assert await reading.store.order(order_id(number)) is not None
        assert not await projector.wait_for(position + 1, 0.01)
    finally:
        running.cancel()
        await asyncio.wait([running])


async def test_without_a_commit_that_wakes_it_a_projector_looks_from_time_to_time(reading: Reading) -> None:
    projector = Projector(reading.database, reading.events, reading.store, poll_interval=0.01)
    async with reading.database.write() as tx:
        await tx.execute(reading.events.events.insert().values(foreign_row()))
    running = asyncio.create_task(projector.run())
    try:
        assert await projector.wait_for(1, 10)
        async with reading.database.write() as tx:
            await tx.execute(reading.events.events.insert().values(foreign_row(2)))
        assert await projector.wait_for(2, 10)
    finally:
        running.cancel()
        await asyncio.wait([running])


async def test_an_event_that_cannot_be_read_stops_the_projection_visibly_and_not_the_projector(
    reading: Reading, caplog: pytest.LogCaptureFixture
) -> None:
    await reading.append(ORDER_ID, 0, [PLACED])
    table = reading.events.events
    async with reading.database.write() as tx:
        await tx.execute(table.update().values(schema_version=99))
    projector = Projector(reading.database, reading.events, reading.store, poll_interval=0.01)
    running = asyncio.create_task(projector.run())
    try:
        await until(lambda: "The read model stays behind" in caplog.text)
        assert not await projector.wait_for(1, 0)
        async with reading.database.write() as tx:
            await tx.execute(table.update().values(schema_version=2))
        assert await projector.wait_for(1, 10)
    finally:
        running.cancel()
        await asyncio.wait([running])


async def test_the_lag_is_the_number_of_events_behind_and_the_age_of_the_first_and_a_metric(
    reading: Reading, clock: Calendar
) -> None:
    assert await reading.projector.lag() == Lag(events=0, seconds=0)
    clock.now = datetime.now(UTC) - timedelta(minutes=5)
    await reading.append(ORDER_ID, 0, CANCELLED[:2])
    clock.now += timedelta(minutes=1)
    await reading.append(ORDER_ID, 2, CANCELLED[2:3])
    lag = await reading.projector.lag()
    assert lag.events == 3
    assert 300 <= lag.seconds < 360

    registry, of_shard = CollectorRegistry(), {"shard": "0"}
    registry.register(reading.projector)
    running = asyncio.create_task(reading.projector.run())
    try:
        assert await reading.projector.wait_for(3, 10)
        await until(lambda: registry.get_sample_value("ordering_read_model_lag_events", of_shard) is not None)
        assert registry.get_sample_value("ordering_read_model_lag_seconds", of_shard) is not None
    finally:
        running.cancel()
        await asyncio.wait([running])
    assert await reading.projector.lag() == Lag(events=0, seconds=0)


async def test_orders_that_wait_for_a_person_are_listed_until_they_move_on(reading: Reading) -> None:
    stuck = [PLACED, StepStarted(step=Step.CAPTURE), Stuck(step=Step.CAPTURE, reason="payment is silent")]
    await reading.append(ORDER_ID, 0, stuck)
    await reading.append(order_id(1), 0, stuck[:2])
    await reading.catch_up()
    (view,) = await reading.store.stuck()
    assert (view.id, view.stuck) == (ORDER_ID, {Step.CAPTURE: "payment is silent"})

    await reading.append(ORDER_ID, 3, [StepStarted(step=Step.CAPTURE)])
    await reading.catch_up()
    assert await reading.store.stuck() == []


async def test_starting_again_leaves_the_read_model_as_it_is(reading: Reading) -> None:
    await reading.append_orders(range(2))
    await reading.catch_up()
    before = await reading.states()
    await reading.store.initialise()

    assert await reading.states() == before
    async with reading.store.database.read() as tx:
        assert len((await tx.execute(sa.select(generations))).all()) == 1
