"""What comes of the checkout's commands to inventory: duplicates, any order, and many copies at once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from frontispiece.events import CommandData, Event, EventData
from services.inventory.events import (
    CommitStock,
    Line,
    ReleaseStock,
    ReservationExpired,
    ReservationRefused,
    ReserveStock,
    Shortage,
    StockCommitted,
    StockReleased,
    StockReserved,
)
from services.inventory.handlers import Handlers, NotReserved
from services.inventory.store import Store, outbox
from tests.support.clock import Calendar
from tests.support.events import event, published
from tests.support.redelivery import deliver, deliver_unkindly

TTL = 60
STOCK = {"PEN": 100, "INK": 5}


class World:
    """Inventory's handlers over a store with stock; what they publish."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.handlers = Handlers(store)

    async def handle(self, message: Event[Any]) -> None:
        """Deliver a message once."""
        handlers: dict[type[CommandData], Callable[[Event[Any]], Awaitable[None]]] = {
            ReserveStock: self.handlers.reserve,
            CommitStock: self.handlers.commit,
            ReleaseStock: self.handlers.release,
        }
        await handlers[type(message.data)](message)

    async def deliver(self, message: Event[Any]) -> None:
        """Deliver a message until it is acknowledged."""
        await deliver(message, self.handle)

    async def facts(self, order_id: str) -> list[EventData]:
        events = await published(self.store.database, outbox)
        return [each.data for each in events if each.subject == order_id]

    async def stock(self, sku: str = "PEN") -> tuple[int, int]:
        """Units on hand, and those of them that are reserved."""
        level = (await self.store.levels([sku]))[sku]
        return level.on_hand, level.reserved


@pytest.fixture
async def world(database_url: str, clock: Calendar) -> AsyncIterator[World]:
    async with Store(database_url, now=clock) as store:
        await store.add(STOCK.items())
        yield World(store)


def order() -> str:
    return str(uuid4())


def reserve(order_id: str, **quantities: int) -> Event[Any]:
    lines = tuple(Line(sku=sku, quantity=quantity) for sku, quantity in (quantities or {"PEN": 3}).items())
    command = ReserveStock(order_id=order_id, lines=lines, ttl_seconds=TTL)
    return event(command, subject=order_id, source="ordering")


def commit(order_id: str) -> Event[Any]:
    return event(CommitStock(order_id=order_id), subject=order_id, source="ordering")


def release(order_id: str) -> Event[Any]:
    return event(ReleaseStock(order_id=order_id), subject=order_id, source="ordering")


async def test_a_shortage_reserves_nothing_and_names_every_short_article(world: World) -> None:
    a = order()
    await world.deliver(reserve(a, PEN=10, INK=6, NIB=1))

    assert await world.facts(a) == [
        ReservationRefused(
            order_id=a,
            reason="out-of-stock",
            shortages=(
                Shortage(sku="INK", wanted=6, available=5),
                Shortage(sku="NIB", wanted=1, available=0),
            ),
        )
    ]
    assert (await world.stock("PEN"), await world.stock("INK")) == ((100, 0), (5, 0))


async def test_lines_of_the_same_article_are_added_up(world: World) -> None:
    a = order()
    lines = (Line(sku="INK", quantity=3), Line(sku="INK", quantity=3))
    await world.deliver(event(ReserveStock(order_id=a, lines=lines, ttl_seconds=TTL), subject=a))

    (refused,) = await world.facts(a)
    assert isinstance(refused, ReservationRefused)
    assert refused.shortages == (Shortage(sku="INK", wanted=6, available=5),)


async def test_releasing_takes_what_was_sold_back_into_stock(world: World) -> None:
    a = order()
    for command in (reserve(a), commit(a), release(a)):
        await world.deliver(command)

    assert await world.stock() == (100, 0)
    assert (await world.facts(a))[-1] == StockReleased(order_id=a)


async def test_a_reservation_after_its_release_is_refused(world: World) -> None:
    a = order()
    await world.deliver(release(a))
    await world.deliver(reserve(a))

    assert await world.stock() == (100, 0)
    assert await world.facts(a) == [
        StockReleased(order_id=a),
        ReservationRefused(order_id=a, reason="released"),
    ]


async def test_a_command_sent_anew_is_answered_again_and_moves_nothing(world: World) -> None:
    a = order()
    for command in (reserve(a), reserve(a), commit(a), reserve(a), commit(a)):
        await world.deliver(command)
    assert await world.stock() == (97, 0)
    for command in (release(a), release(a), commit(a)):
        await world.deliver(command)

    assert await world.stock() == (100, 0)
    names = [fact.TYPE.rpartition(".")[2] for fact in await world.facts(a)]
    assert names == ["reserved", "reserved", "committed", "reserved", "committed", *["released"] * 3]


async def test_a_sale_that_comes_before_its_reservation_waits_for_it(world: World) -> None:
    a = order()
    early = commit(a)
    with pytest.raises(NotReserved):
        await world.handlers.commit(early)
    await world.deliver(reserve(a))
    await world.deliver(early)

    assert await world.stock() == (97, 0)


async def test_a_reservation_that_is_not_sold_in_time_expires_and_says_so_once(
    world: World, clock: Calendar
) -> None:
    a, b = order(), order()
    await world.deliver(reserve(a))
    await world.deliver(reserve(b))
    await world.deliver(commit(b))
    clock.now += timedelta(seconds=TTL)
    await asyncio.gather(*(world.store.expire() for _ in range(5)))

    assert await world.stock() == (97, 0)
    assert (await world.facts(a))[1:] == [ReservationExpired(order_id=a)]
    assert (await world.facts(b))[1:] == [StockCommitted(order_id=b)]


async def test_what_has_expired_is_neither_sold_nor_reserved_and_can_be_released(
    world: World, clock: Calendar
) -> None:
    a = order()
    await world.deliver(reserve(a, INK=5))
    clock.now += timedelta(seconds=TTL)
    b = order()
    await world.deliver(reserve(b, INK=5))
    for command in (commit(a), reserve(a, INK=5), release(a)):
        await world.deliver(command)

    assert await world.stock("INK") == (5, 5)
    assert await world.facts(b) == [StockReserved(order_id=b)]
    assert await world.facts(a) == [
        StockReserved(order_id=a),
        *[ReservationExpired(order_id=a)] * 3,
        StockReleased(order_id=a),
    ]


async def test_many_orders_at_once_never_reserve_more_than_there_is(world: World) -> None:
    orders = [order() for _ in range(30)]
    await asyncio.gather(*(world.deliver(reserve(a, PEN=3, INK=1)) for a in orders))
    answers = [await world.facts(a) for a in orders]

    assert Counter(type(fact) for (fact,) in answers) == {StockReserved: 5, ReservationRefused: 25}
    assert (await world.stock("PEN"), await world.stock("INK")) == ((100, 15), (5, 5))


async def test_a_release_at_the_same_time_leaves_the_stock_whole(world: World) -> None:
    orders = [order() for _ in range(10)]
    await asyncio.gather(
        *(world.deliver(reserve(a)) for a in orders), *(world.deliver(release(a)) for a in orders)
    )

    assert await world.stock() == (100, 0)


async def test_the_reservation_of_an_order_is_no_caller_s(world: World) -> None:
    a = order()
    await world.deliver(reserve(a))

    assert await world.store.reservation(a, "reader") is None
    assert await world.store.release(a, "reader") is None
    assert await world.stock() == (100, 3)


@pytest.mark.parametrize("seed", range(2))
async def test_whatever_the_broker_does_each_unit_is_sold_once_or_back(seed: int, world: World) -> None:
    sold, released = [order() for _ in range(8)], [order() for _ in range(8)]
    messages = [command(a) for a in sold for command in (reserve, commit)]
    messages += [command(a) for a in released for command in (reserve, release)]
    await deliver_unkindly(messages, world.handle, seed=seed)

    assert await world.stock() == (100 - 8 * 3, 0)
    for a in sold:
        assert await world.facts(a) == [StockReserved(order_id=a), StockCommitted(order_id=a)]
    for a in released:
        assert StockReleased(order_id=a) in await world.facts(a)
