import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from kit.idempotency import Intent
from kit.problems import Problem
from services.ordering.model import Bill, Order, OrderLine, Status
from services.ordering.store import Store, sort_key

LINE = OrderLine(sku="PEN", name="Pen", quantity=2, unit_price=333, percent_off=10)
BILL = Bill(currency="EUR", lines=(LINE,))
OTHER_BILL = Bill(
    currency="EUR", lines=(OrderLine(sku="INK", name="Ink", quantity=1, unit_price=1, percent_off=0),)
)


class Clock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.time = datetime(2030, 1, 1, 12, 30, 15, 123_457, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(database_url: str, clock: Clock) -> AsyncIterator[Store]:
    store = Store(database_url, now=clock)
    async with store.database:
        yield store


def intent(key: str = "an-intent", request: bytes = b"{}", owner: str = "reader") -> Intent:
    return Intent(owner=owner, key=key, request=request)


def there(order: Order | None) -> Order:
    assert order is not None
    return order


async def test_an_order_is_kept_as_it_was_placed(store: Store, clock: Clock) -> None:
    started = await store.start(intent(), BILL)

    assert (started.status, started.bill, started.placed_at) == (Status.PENDING, BILL, clock.time)
    assert await store.order(started.id, "reader") == started
    assert await store.find(intent()) == started


async def test_an_order_moves_from_pending_over_its_reservation_to_confirmed(store: Store) -> None:
    started = await store.start(intent(), BILL)
    held = there(await store.hold(started, "r-1"))
    done = there(await store.confirm(held))

    assert (held.status, held.reservation_id) == (Status.PENDING, "r-1")
    assert (done.status, done.bill, done.version) == (Status.CONFIRMED, BILL, 3)
    assert done.placed_at == started.placed_at


async def test_an_intent_started_many_times_at_once_is_one_order(store: Store) -> None:
    started = await asyncio.gather(*(store.start(intent(), BILL) for _ in range(10)))

    assert len({(order.id, order.reservation_key) for order in started}) == 1
    assert await store.orders("reader", 10) == started[:1]


async def test_an_intent_that_has_an_order_keeps_its_first_lines(store: Store) -> None:
    first = await store.start(intent(), BILL)

    assert await store.start(intent(), OTHER_BILL) == first


async def test_a_key_that_came_with_another_request_is_refused(store: Store) -> None:
    await store.start(intent(request=b"one"), BILL)

    for attempt in (store.find(intent(request=b"two")), store.start(intent(request=b"two"), BILL)):
        with pytest.raises(Problem, match="came with another request"):
            await attempt


async def test_two_owners_may_use_the_same_key(store: Store) -> None:
    mine = await store.start(intent(owner="reader"), BILL)
    theirs = await store.start(intent(owner="shopper"), BILL)

    assert mine.id != theirs.id
    assert await store.order(theirs.id, "reader") is None


async def test_every_try_may_repeat_every_step(store: Store) -> None:
    started = await store.start(intent(), BILL)
    held = await store.hold(started, "r-1")
    assert await store.hold(started, "r-1") == held
    done = await store.confirm(there(held))

    assert await store.confirm(there(held)) == done
    assert await store.hold(started, "r-1") == done


async def test_many_tries_at_once_confirm_once(store: Store) -> None:
    held = there(await store.hold(await store.start(intent(), BILL), "r-1"))

    outcomes = await asyncio.gather(*(store.confirm(held) for _ in range(10)))
    assert {there(order).version for order in outcomes} == {3}


async def test_a_withdrawn_order_is_gone_and_its_key_may_be_used_for_other_lines(store: Store) -> None:
    first = await store.start(intent(), BILL)

    assert await store.withdraw(first) is None
    assert await store.find(intent()) is None
    second = await store.start(intent(request=b"two"), OTHER_BILL)
    assert (second.id, second.bill) == (first.id, OTHER_BILL)
    assert second.reservation_key != first.reservation_key


async def test_an_order_with_a_reservation_is_not_withdrawn_by_a_try_that_did_not_see_it(
    store: Store,
) -> None:
    seen = await store.start(intent(), BILL)
    held = await store.hold(seen, "r-1")

    assert await store.withdraw(seen) == held


async def test_a_reservation_for_a_withdrawn_order_is_never_noted_in_the_one_that_came_after(
    store: Store,
) -> None:
    seen = await store.start(intent(), BILL)
    await store.withdraw(seen)
    assert await store.hold(seen, "r-1") is None

    after = await store.start(intent(), OTHER_BILL)
    assert await store.hold(seen, "r-1") == after


async def test_of_a_reservation_and_a_withdrawal_at_once_exactly_one_counts(store: Store) -> None:
    for number in range(10):
        seen = await store.start(intent(f"intent-{number}"), BILL)
        held, left = await asyncio.gather(store.hold(seen, "r-1"), store.withdraw(seen))

        kept = await store.order(seen.id, "reader")
        assert (held, left) in {(None, None), (kept, kept)}


async def test_an_ended_reservation_is_replaced_under_a_new_key_once(store: Store) -> None:
    held = there(await store.hold(await store.start(intent(), BILL), "r-1"))

    renewed = await asyncio.gather(*(store.renew(held) for _ in range(5)))
    assert len({there(order).reservation_key for order in renewed}) == 1
    assert there(renewed[0]).reservation_key != held.reservation_key
    assert there(renewed[0]).reservation_id is None
    assert there(await store.confirm(held)).status is Status.PENDING


async def test_orders_come_newest_first_and_go_on_after_the_last_one_seen(store: Store, clock: Clock) -> None:
    placed = []
    for number in range(6):
        placed.append(await store.start(intent(f"intent-{number}"), BILL))
        clock.time += timedelta(microseconds=number % 2)  # pairs of the same moment
    await store.start(intent(owner="shopper"), BILL)

    newest = sorted(placed, key=sort_key, reverse=True)
    assert await store.orders("reader", 10) == newest
    assert await store.orders("reader", 2) == newest[:2]
    for seen in range(1, 6):
        assert await store.orders("reader", 10, sort_key(newest[seen - 1])) == newest[seen:]


async def test_an_order_whose_pieces_are_set_aside_or_sold_is_never_withdrawn(store: Store) -> None:
    held = there(await store.hold(await store.start(intent(), BILL), "r-1"))
    assert await store.withdraw(held) == held

    done = there(await store.confirm(held))
    assert await store.withdraw(done) == done
    assert await store.renew(done) == done
