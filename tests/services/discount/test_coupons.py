"""A coupon is used as often as its limits allow: each order uses it once, a cancelled one not at all."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from frontispiece.events import AlreadyHandled, Event
from services.discount import seed
from services.discount.events import OrderCancelled, OrderPlaced
from services.discount.model import (
    Coupon,
    CouponExhausted,
    CouponUsed,
    OrderHasCoupon,
    Terms,
)
from services.discount.store import Store
from tests.support.clock import Calendar
from tests.support.events import event

HOLD = timedelta(minutes=5)


@pytest.fixture
async def store(database_url: str, clock: Calendar) -> AsyncIterator[Store]:
    async with Store(database_url, hold=HOLD, now=clock) as store:
        await store.add(
            [
                *(
                    Terms(sku="PEN", percent=10, coupon=code, description="")
                    for code in ("ONCE", "FEW", "ALWAYS")
                ),
                Coupon(code="ONCE", uses_per_customer=1),
                Coupon(code="FEW", uses_in_total=2),
            ]
        )
        yield store


async def redeemed(store: Store, code: str, *orders: tuple[str, str]) -> list[str]:
    """The orders, of these owners, that use a coupon when all of them try at once."""
    outcomes = await asyncio.gather(
        *(store.redeem(owner, code, order_id) for owner, order_id in orders), return_exceptions=True
    )
    refused = [outcome for outcome in outcomes if outcome is not None]
    assert all(isinstance(refusal, CouponUsed | CouponExhausted) for refusal in refused), refused
    return [order_id for (_, order_id), outcome in zip(orders, outcomes, strict=True) if outcome is None]


async def test_of_three_orders_at_once_with_a_one_time_coupon_one_uses_it(store: Store) -> None:
    assert len(await redeemed(store, "ONCE", *(("reader", f"o{number}") for number in range(3)))) == 1
    assert await redeemed(store, "ONCE", ("shopper", "o9")) == ["o9"], "another customer has one as well"


async def test_a_coupon_with_a_limit_is_redeemed_so_many_times_by_all_customers(store: Store) -> None:
    orders = [(f"customer {number}", f"o{number}") for number in range(6)]

    assert len(await redeemed(store, "FEW", *orders)) == 2


async def test_a_repeated_redemption_of_the_same_order_is_one(store: Store) -> None:
    assert await redeemed(store, "FEW", *[("reader", "o1")] * 5) == ["o1"] * 5
    assert await redeemed(store, "FEW", ("shopper", "o2")) == ["o2"]


async def test_another_coupon_for_the_same_order_does_not_set_the_first_one_free(
    store: Store, clock: Calendar
) -> None:
    """Two requests with one Idempotency-Key and different coupons: the order is placed with either."""
    await store.redeem("reader", "ONCE", "o1")
    with pytest.raises(OrderHasCoupon):
        await store.redeem("reader", "ALWAYS", "o1")
    assert await redeemed(store, "ONCE", ("reader", "o2")) == []

    clock.now += HOLD
    await store.redeem("reader", "ALWAYS", "o1")
    assert await redeemed(store, "ONCE", ("reader", "o2")) == ["o2"]


async def test_a_use_is_held_until_it_expires_and_a_repetition_prolongs_it(
    store: Store, clock: Calendar
) -> None:
    await store.redeem("reader", "ONCE", "o1")
    clock.now += HOLD / 2
    await store.redeem("reader", "ONCE", "o1")
    clock.now += HOLD / 2
    with pytest.raises(CouponUsed):
        await store.redeem("reader", "ONCE", "o2")

    clock.now += HOLD / 2
    await store.redeem("reader", "ONCE", "o2")
    with pytest.raises(CouponUsed):
        await store.redeem("reader", "ONCE", "o1")


def placed(coupon: str = "ONCE", event_id: str | None = None) -> Event[OrderPlaced]:
    return event(OrderPlaced(order_id="o1", owner="reader", coupon=coupon), subject="o1", id=event_id)


def cancelled(coupon: str = "ONCE") -> Event[OrderCancelled]:
    return event(OrderCancelled(order_id="o1", owner="reader", coupon=coupon), subject="o1")


@pytest.mark.parametrize("before", [0, 1], ids=["held", "no longer held"])
async def test_a_placed_order_has_used_its_coupon_for_good(
    store: Store, clock: Calendar, before: int
) -> None:
    await store.redeem("reader", "ONCE", "o1")
    clock.now += before * HOLD
    await store.placed(placed())
    clock.now += 2 * HOLD

    await store.redeem("reader", "ONCE", "o1")
    with pytest.raises(CouponUsed):
        await store.redeem("reader", "ONCE", "o2")


async def test_a_cancelled_order_gives_its_coupon_back_in_any_order_of_events(store: Store) -> None:
    for events in ([store.placed(placed()), store.cancelled(cancelled())], [store.cancelled(cancelled())]):
        await store.redeem("reader", "ONCE", "o1")
        for handled in events:
            await handled

    await store.placed(placed())
    await store.redeem("reader", "ONCE", "o2")


async def test_an_event_is_handled_once(store: Store) -> None:
    await store.placed(placed(event_id="e1"))
    with pytest.raises(AlreadyHandled):
        await store.placed(placed(event_id="e1"))


def test_the_welcome_coupon_is_for_once() -> None:
    assert Coupon(code="WELCOME10", uses_per_customer=1) in seed.rules()
