import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from services.inventory.model import Line, NotHeld, OutOfStock, Status
from services.inventory.store import Store
from tests.services.support import intent
from tests.support.clock import Calendar

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def store(database_url: str, clock: Calendar) -> AsyncIterator[Store]:
    async with Store(database_url, now=clock) as store:
        await store.add([("PEN", 100), ("INK", 5)])
        yield store


async def available(store: Store, sku: str) -> int:
    return (await store.levels([sku]))[sku].available


async def test_of_200_parallel_attempts_on_100_units_exactly_100_succeed(store: Store) -> None:
    async def attempt(number: int) -> bool:
        try:
            await store.reserve(intent(f"attempt-{number}"), [Line(sku="PEN", quantity=1)], MINUTE)
        except OutOfStock:
            return False
        return True

    outcomes = await asyncio.gather(*(attempt(number) for number in range(200)))

    assert sum(outcomes) == 100
    level = (await store.levels(["PEN"]))["PEN"]
    assert (level.on_hand, level.reserved, level.available) == (100, 100, 0)


async def test_parallel_reservations_of_the_same_articles_in_opposite_order_all_succeed(store: Store) -> None:
    lines = [Line(sku="PEN", quantity=1), Line(sku="INK", quantity=1)]
    orders = [lines, lines[::-1], lines, lines[::-1], lines]

    await asyncio.gather(
        *(store.reserve(intent(f"order-{n}"), order, MINUTE) for n, order in enumerate(orders))
    )

    assert await available(store, "PEN") == 95
    assert await available(store, "INK") == 0


async def test_a_shortage_of_one_line_reserves_nothing_and_names_every_short_line(store: Store) -> None:
    wanted = [Line(sku="PEN", quantity=10), Line(sku="INK", quantity=6), Line(sku="NIB", quantity=1)]

    with pytest.raises(OutOfStock) as refusal:
        await store.reserve(intent(), wanted, MINUTE)

    assert [(s.sku, s.wanted, s.available) for s in refusal.value.shortages] == [("INK", 6, 5), ("NIB", 1, 0)]
    assert await available(store, "PEN") == 100


async def test_lines_of_the_same_article_are_added_up(store: Store) -> None:
    with pytest.raises(OutOfStock):
        await store.reserve(intent(), [Line(sku="INK", quantity=3), Line(sku="INK", quantity=3)], MINUTE)


async def test_a_shortage_may_be_tried_again_under_the_same_key(store: Store) -> None:
    lines = [Line(sku="INK", quantity=6)]
    with pytest.raises(OutOfStock):
        await store.reserve(intent(), lines, MINUTE)
    await store.count("INK", 6, version=1)

    assert (await store.reserve(intent(), lines, MINUTE)).status is Status.HELD


async def test_released_pieces_can_be_had_again_and_releasing_twice_gives_them_back_once(
    store: Store,
) -> None:
    held = await store.reserve(intent(), [Line(sku="PEN", quantity=3)], MINUTE)
    await store.release(held.id, "reader")
    await store.release(held.id, "reader")

    assert await available(store, "PEN") == 100


async def test_a_reservation_expires_and_then_can_no_longer_be_committed(
    store: Store, clock: Calendar
) -> None:
    held = await store.reserve(intent(), [Line(sku="PEN", quantity=3)], MINUTE)
    clock.now += MINUTE

    with pytest.raises(NotHeld, match="expired"):
        await store.commit(held.id, "reader")
    assert await available(store, "PEN") == 100


async def test_units_of_an_expired_reservation_are_available(store: Store, clock: Calendar) -> None:
    await store.reserve(intent("the-first"), [Line(sku="INK", quantity=5)], MINUTE)
    clock.now += MINUTE

    taken = await store.reserve(intent("the-second"), [Line(sku="INK", quantity=5)], MINUTE)
    assert taken.status is Status.HELD


async def test_expiry_by_many_at_once_gives_back_once(store: Store, clock: Calendar) -> None:
    await store.reserve(intent(), [Line(sku="PEN", quantity=3)], MINUTE)
    clock.now += MINUTE

    await asyncio.gather(*(store.expire() for _ in range(10)))
    assert await available(store, "PEN") == 100


async def test_a_reservation_of_somebody_else_is_not_there(store: Store) -> None:
    held = await store.reserve(intent(), [Line(sku="PEN", quantity=1)], MINUTE)

    assert await store.reservation(held.id, "shopper") is None
    assert await store.release(held.id, "shopper") is None
    assert await available(store, "PEN") == 99


async def test_of_two_writers_of_one_new_article_one_succeeds(
    store: Store,
) -> None:
    entered = await asyncio.gather(*(store.count("NIB", count, version=None) for count in (1, 2)))

    assert len([level for level in entered if level is not None]) == 1
