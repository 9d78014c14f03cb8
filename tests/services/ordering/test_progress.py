"""The progress of single orders, on SQLite and on PostgreSQL."""

import asyncio
from contextlib import aclosing
from functools import partial

import pytest

from services.ordering.progress import LogFollower, progress
from services.ordering.tables import fence
from tests.services.ordering.orders import ORDER_ID
from tests.services.ordering.reading import COMPLETED, Reading, order_id


async def test_an_event_that_this_version_cannot_read_does_not_keep_followers_of_other_orders_waiting(
    reading: Reading,
) -> None:
    """As beside a newer copy of ordering, or after a downgrade."""
    follower = LogFollower(reading.database, reading.events, fence)
    followed, newer = order_id(1), order_id(2)
    await reading.append(followed, 0, COMPLETED[:1])
    running = asyncio.create_task(follower.run())
    async with asyncio.timeout(15), aclosing(follower.follow(followed, 0)) as happening:
        assert (await anext(happening)).version == 1
        async with reading.database.write() as tx:
            events = reading.events.events
            await reading.events.append(tx, newer, 0, COMPLETED[:2])
            await tx.execute(events.update().where(events.c.order_id == newer).values(schema_version=99))
        await reading.append(followed, 1, COMPLETED[1:3])
        assert [(await anext(happening)).version for _ in range(2)] == [2, 3]
    running.cancel()
    await asyncio.wait([running])


@pytest.mark.parametrize("projects", [True, False], ids=["the read model follows", "the read model is away"])
async def test_the_last_stage_is_sent_once_the_order_is_read_so_or_cannot_be_in_time(
    reading: Reading, *, projects: bool
) -> None:
    follower = LogFollower(reading.database, reading.events, fence)
    projected = partial(reading.projector.wait_for, timeout=15 if projects else 0.05)
    await reading.append(ORDER_ID, 0, COMPLETED)
    running = [asyncio.create_task(follower.run())]
    async with asyncio.timeout(15), aclosing(progress(follower, ORDER_ID, 0, 0, projected)) as stages:
        async for event in stages:
            if event.event == "payment-captured" and projects:
                assert await reading.store.order(ORDER_ID) is None
                running.append(asyncio.create_task(reading.projector.run()))
        found = await reading.store.order(ORDER_ID)
    assert event.event == "completed"
    assert (found is not None and found.stage == "completed") is projects
    for task in running:
        task.cancel()
    await asyncio.wait(running)
