import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from services.inventory.events import Restocked
from services.inventory.model import Line, NotHeld, OutOfStock, Status
from services.inventory.store import Store, facts, outbox
from tests.services.support import intent
from tests.support.clock import Calendar
from tests.support.events import published

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def store(database_url: str, clock: Calendar) -> AsyncIterator[Store]:
    async with Store(database_url, now=clock) as store:
        await store.add([("PEN", 30), ("INK", 5)])
        yield store


async def available(store: Store, sku: str) -> int:
    return (await store.levels([sku]))[sku].available


async def test_of_60_parallel_attempts_on_30_units_exactly_30_succeed(store: Store) -> None:
    async def attempt(number: int) -> bool:
        try:
            await store.reserve(intent(f"attempt-{number}"), [Line(sku="PEN", quantity=1)], MINUTE)
        except OutOfStock:
            return False
        return True

    outcomes = await asyncio.gather(*(attempt(number) for number in range(60)))

    assert sum(outcomes) == 30
    level = (await store.levels(["PEN"]))["PEN"]
    assert (level.on_hand, level.reserved, level.available) == (30, 30, 0)


async def test_parallel_reservations_of_the_same_articles_in_opposite_order_all_succeed(store: Store) -> None:
    lines = [Line(sku="PEN", quantity=1), Line(sku="INK", quantity=1)]
    orders = [lines, lines[::-1], lines, lines[::-1], lines]

    await asyncio.gather(
        *(store.reserve(intent(f"order-{n}"), order, MINUTE) for n, order in enumerate(orders))
    )

    assert await available(store, "PEN") == 25
    assert await available(store, "INK") == 0


async def test_a_shortage_may_be_tried_again_under_the_same_key(store: Store) -> None:
    lines = [Line(sku="INK", quantity=6)]
    with pytest.raises(OutOfStock):
        await store.reserve(intent(), lines, MINUTE)
    await store.count("INK", 6, version=1)

    assert (await store.reserve(intent(), lines, MINUTE)).status is Status.HELD


async def test_a_reservation_expires_and_then_can_no_longer_be_committed(
    store: Store, clock: Calendar
) -> None:
    reservation = await store.reserve(intent(), [Line(sku="PEN", quantity=3)], MINUTE)
    clock.now += MINUTE

    with pytest.raises(NotHeld, match="expired"):
        await store.commit(reservation.id, "reader")
    assert await available(store, "PEN") == 30


async def test_a_reservation_of_another_user_is_not_there(store: Store) -> None:
    reservation = await store.reserve(intent(), [Line(sku="PEN", quantity=1)], MINUTE)

    assert await store.reservation(reservation.id, "shopper") is None
    assert await store.release(reservation.id, "shopper") is None
    assert await available(store, "PEN") == 29


async def test_of_two_writers_of_one_new_article_one_succeeds(
    store: Store,
) -> None:
    entered = await asyncio.gather(*(store.count("NIB", count, version=None) for count in (1, 2)))

    assert len([level for level in entered if level is not None]) == 1


async def test_an_article_that_was_sold_out_and_is_no_more_is_restocked(store: Store) -> None:
    await store.reserve(intent(), [Line(sku="INK", quantity=5)], MINUTE)
    for sku, on_hand, version in (("PEN", 40, 1), ("INK", 5, 2), ("INK", 7, 3), ("INK", 9, 4)):
        await store.count(sku, on_hand, version)

    events = await published(store.database, outbox)
    assert [event.data for event in events] == [Restocked(sku="INK", available=2)]
    async with store.database.read() as tx:
        [(_, body)] = await facts.read(tx, after=0, limit=9)
    assert events[0].id.encode() in body
