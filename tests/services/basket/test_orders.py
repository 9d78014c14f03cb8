"""What becomes of a claim when its order is placed or cancelled, however often and in any order of events."""

from datetime import timedelta

import pytest
import valkey

from frontispiece.events import AlreadyHandled, Event
from services.basket.events import OrderCancelled, OrderedLine, OrderPlaced, PriceChanged
from services.basket.store import Store
from shop.money import Money
from tests.services.basket.conftest import quantities
from tests.support.clock import Calendar
from tests.support.events import event

MINUTE = timedelta(minutes=1)


def lines(quantities: dict[str, int]) -> tuple[OrderedLine, ...]:
    return tuple(OrderedLine(sku=sku, quantity=quantity) for sku, quantity in quantities.items())


def placed(event_id: str | None = None, **quantities: int) -> Event[OrderPlaced]:
    data = OrderPlaced(order_id="o1", owner="reader", lines=lines(quantities))
    return event(data, subject="o1", id=event_id)


def cancelled(
    event_id: str | None = None, *, restore: bool = True, **quantities: int
) -> Event[OrderCancelled]:
    data = OrderCancelled(order_id="o1", owner="reader", lines=lines(quantities), restore_basket=restore)
    return event(data, subject="o1", id=event_id)


async def claim(store: Store, **quantities: int) -> int:
    version = (await store.merge("reader", quantities.items())).version
    assert await store.claim("reader", "o1", version) == quantities
    return version


async def test_a_placed_order_keeps_its_lines_whatever_comes_later(store: Store, clock: Calendar) -> None:
    version = await claim(store, INK=1, PEN=2)
    await store.put("reader", "CAP", 3)
    await store.placed(placed(PEN=2, INK=1))
    clock.now += 2 * MINUTE

    assert (await store.release("reader", "o1")).quantities == {"CAP": 3}
    assert await store.claim("reader", "o1", version) == {"INK": 1, "PEN": 2}
    assert await quantities(store) == {"CAP": 3}


async def test_a_cancelled_order_s_lines_come_back_once_to_what_is_in_the_basket(store: Store) -> None:
    await claim(store, INK=1, PEN=2)
    await store.placed(placed(INK=1, PEN=2))
    await store.put("reader", "PEN", 1)

    await store.cancelled(cancelled("e1", INK=1, PEN=2))
    with pytest.raises(AlreadyHandled):
        await store.cancelled(cancelled("e1", INK=1, PEN=2))
    await store.cancelled(cancelled("e2", INK=1, PEN=2))

    assert await quantities(store) == {"INK": 1, "PEN": 3}


async def test_an_event_is_carried_out_once_even_when_its_claim_is_forgotten(
    store: Store, valkey_url: str
) -> None:
    await claim(store, PEN=2)
    await store.placed(placed("e1", PEN=2))
    with valkey.Valkey.from_url(valkey_url) as client:
        client.delete("basket-order:reader:o1")
        await store.put("reader", "PEN", 5)
        with pytest.raises(AlreadyHandled):
            await store.placed(placed("e1", PEN=2))
        assert await quantities(store) == {"PEN": 5}
        assert client.ttl("basket-inbox:ordering:e1") > 7 * 86_400, "longer than the broker keeps events"


async def test_a_placed_order_of_an_unknown_claim_takes_its_lines_out_of_the_basket(store: Store) -> None:
    await store.put("reader", "PEN", 5)
    await store.placed(placed(PEN=2, INK=1))

    assert await quantities(store) == {"PEN": 3}


async def test_of_orders_that_have_ended_a_basket_keeps_nothing_that_makes_it_slower(
    store: Store, valkey_url: str
) -> None:
    await claim(store, PEN=2)
    await store.placed(placed(PEN=2))
    await store.put("reader", "PEN", 1)
    version = (await store.basket("reader")).version
    await store.claim("reader", "o2", version)
    await store.release("reader", "o2")

    with valkey.Valkey.from_url(valkey_url) as client:
        assert not client.exists("basket-claims:reader")
        assert client.ttl("basket-order:reader:o1") > 7 * 86_400, "longer than the broker keeps events"
        assert not client.exists("basket-order:reader:o2")


@pytest.mark.parametrize("returned", [True, False])
async def test_a_cancelled_order_s_lines_have_the_price_of_when_they_were_put_in(
    store: Store, clock: Calendar, *, returned: bool
) -> None:
    await claim(store, PEN=2)
    if returned:
        clock.now += MINUTE
    dearer = PriceChanged(sku="PEN", amount=1200, currency="EUR", version=7)
    await store.price_changed(event(dearer, subject="PEN"))
    await store.placed(placed(PEN=2))
    await store.cancelled(cancelled(PEN=2))

    [line] = (await store.basket("reader")).lines
    assert line.price_when_added == Money(amount=1000, currency="EUR")
