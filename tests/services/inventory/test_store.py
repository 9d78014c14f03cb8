import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from kit.idempotency import Intent
from kit.problems import Problem
from services.inventory.model import BelowReserved, Line, NotHeld, OutOfStock, Status
from services.inventory.store import Store

MINUTE = timedelta(minutes=1)


class Clock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.time = datetime(2030, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(database_url: str, clock: Clock) -> AsyncIterator[Store]:
    store = Store(database_url, now=clock)
    async with store.database:
        await store.add([("PEN", 100), ("INK", 5)])
        yield store


def intent(key: str = "an-intent", request: bytes = b"{}", owner: str = "reader") -> Intent:
    return Intent(owner=owner, key=key, request=request)


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


async def test_a_shortage_of_one_line_sets_nothing_aside_and_names_every_short_line(store: Store) -> None:
    wanted = [Line(sku="PEN", quantity=10), Line(sku="INK", quantity=6), Line(sku="NIB", quantity=1)]

    with pytest.raises(OutOfStock) as refusal:
        await store.reserve(intent(), wanted, MINUTE)

    assert [(s.sku, s.wanted, s.available) for s in refusal.value.shortages] == [("INK", 6, 5), ("NIB", 1, 0)]
    assert await available(store, "PEN") == 100


async def test_lines_of_the_same_article_are_added_up(store: Store) -> None:
    with pytest.raises(OutOfStock):
        await store.reserve(intent(), [Line(sku="INK", quantity=3), Line(sku="INK", quantity=3)], MINUTE)


async def test_the_same_intent_reserves_once(store: Store) -> None:
    lines = [Line(sku="PEN", quantity=2)]
    first = await store.reserve(intent(), lines, MINUTE)
    again = await store.reserve(intent(), lines, MINUTE)

    assert again == first
    assert await available(store, "PEN") == 98


async def test_the_same_intent_sent_many_times_at_once_reserves_once(store: Store) -> None:
    lines = [Line(sku="PEN", quantity=2)]
    outcomes = await asyncio.gather(
        *(store.reserve(intent(), lines, MINUTE) for _ in range(10)), return_exceptions=True
    )

    made = {o.id for o in outcomes if not isinstance(o, BaseException)}
    refused = [o for o in outcomes if isinstance(o, BaseException)]
    assert len(made) == 1
    assert all(isinstance(o, Problem) and o.status == 409 for o in refused)
    assert await available(store, "PEN") == 98


async def test_a_key_that_came_with_another_request_is_refused(store: Store) -> None:
    await store.reserve(intent(request=b"one"), [Line(sku="PEN", quantity=1)], MINUTE)

    with pytest.raises(Problem, match="came with another request"):
        await store.reserve(intent(request=b"two"), [Line(sku="PEN", quantity=2)], MINUTE)


async def test_two_owners_may_use_the_same_key(store: Store) -> None:
    lines = [Line(sku="PEN", quantity=1)]
    mine = await store.reserve(intent(owner="reader"), lines, MINUTE)
    theirs = await store.reserve(intent(owner="shopper"), lines, MINUTE)

    assert mine.id != theirs.id


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


async def test_committed_pieces_leave_the_shelf_once(store: Store) -> None:
    held = await store.reserve(intent(), [Line(sku="PEN", quantity=3)], MINUTE)
    await store.commit(held.id, "reader")
    await store.commit(held.id, "reader")

    level = (await store.levels(["PEN"]))["PEN"]
    assert (level.on_hand, level.reserved) == (97, 0)
    with pytest.raises(NotHeld):
        await store.release(held.id, "reader")


async def test_a_reservation_expires_and_then_can_no_longer_be_committed(store: Store, clock: Clock) -> None:
    held = await store.reserve(intent(), [Line(sku="PEN", quantity=3)], MINUTE)
    clock.time += MINUTE

    with pytest.raises(NotHeld, match="expired"):
        await store.commit(held.id, "reader")
    assert await available(store, "PEN") == 100


async def test_pieces_of_an_expired_reservation_go_to_whoever_asks_next(store: Store, clock: Clock) -> None:
    await store.reserve(intent("the-first"), [Line(sku="INK", quantity=5)], MINUTE)
    clock.time += MINUTE

    taken = await store.reserve(intent("the-second"), [Line(sku="INK", quantity=5)], MINUTE)
    assert taken.status is Status.HELD


async def test_expiry_by_many_at_once_gives_back_once(store: Store, clock: Clock) -> None:
    await store.reserve(intent(), [Line(sku="PEN", quantity=3)], MINUTE)
    clock.time += MINUTE

    await asyncio.gather(*(store.expire() for _ in range(10)))
    assert await available(store, "PEN") == 100


async def test_a_reservation_of_somebody_else_is_not_there(store: Store) -> None:
    held = await store.reserve(intent(), [Line(sku="PEN", quantity=1)], MINUTE)

    assert await store.reservation(held.id, "shopper") is None
    assert await store.release(held.id, "shopper") is None
    assert await available(store, "PEN") == 99


async def test_a_count_needs_the_current_version_and_covers_what_is_reserved(store: Store) -> None:
    await store.reserve(intent(), [Line(sku="PEN", quantity=10)], MINUTE)

    assert await store.count("PEN", 50, version=1) is None
    with pytest.raises(BelowReserved):
        await store.count("PEN", 9, version=2)
    counted = await store.count("PEN", 50, version=2)
    assert counted is not None
    assert (counted.available, counted.version) == (40, 3)


async def test_of_two_who_enter_the_same_new_article_at_once_one_is_told_that_it_is_outdated(
    store: Store,
) -> None:
    entered = await asyncio.gather(*(store.count("NIB", count, version=None) for count in (1, 2)))

    assert len([level for level in entered if level is not None]) == 1
