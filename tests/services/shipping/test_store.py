"""Shipments by messages that come twice, in any order and to several copies of the service at once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import permutations

import pytest

from frontispiece.events import AlreadyHandled, Reject
from services.shipping import store as module
from services.shipping.model import Address, Status
from services.shipping.store import Store
from tests.services.shipping.world import (
    DURATIONS,
    HOME,
    ORDER,
    cancel,
    create,
    facts,
    published,
    shipment,
    states,
)
from tests.support.clock import Calendar

HOUR = timedelta(hours=1)


@pytest.fixture
async def store(database_url: str, clock: Calendar) -> AsyncIterator[Store]:
    async with Store(database_url, durations=DURATIONS, now=clock) as store:
        yield store


@pytest.fixture
async def copy(store: Store, database_url: str, clock: Calendar) -> AsyncIterator[Store]:
    """Another copy of the service, with the same database."""
    async with Store(database_url, durations=DURATIONS, now=clock) as copy:
        yield copy


async def test_a_shipment_is_created_dispatched_and_delivered_by_itself(
    store: Store, clock: Calendar
) -> None:
    began = clock.now
    await store.create(create(method="pickup", store="Leipzig 1"))
    for _ in range(4):
        clock.now += HOUR
        await store.advance()

    found = await shipment(store)
    assert [fact.data.store for fact in (await published(store))[1:]] == ["Leipzig 1", "Leipzig 1"]
    assert [(event.status, event.at - began) for event in found.tracking] == [
        (Status.CREATED, 0 * HOUR),
        (Status.DISPATCHED, HOUR),
        (Status.DELIVERED, 3 * HOUR),
    ]
    assert await facts(store) == ["created", "dispatched", "delivered"]
    assert {fact.subject for fact in await published(store)} == {ORDER}
    assert {fact.data.shipment_id for fact in await published(store)} == {found.id}


async def test_an_order_that_two_copies_ship_at_once_has_one_shipment(store: Store, copy: Store) -> None:
    await asyncio.gather(*(each.create(create()) for each in (store, copy) * 5))

    assert len({fact.data.shipment_id for fact in await published(store)}) == 1
    assert states(await shipment(store)) == ["created"]


async def test_an_order_that_cannot_be_shipped_is_refused_with_a_reason(store: Store) -> None:
    refusals = [
        (replace(HOME, country="XX"), "standard", "country-not-served"),
        (replace(HOME, country=""), "standard", "country-not-served"),
        (replace(HOME, street=" "), "standard", "address-incomplete"),
        (Address(country="DE"), "express", "address-incomplete"),
        (HOME, "by a very fast and friendly pigeon", "method-unknown"),
    ]
    for number, (address, method, reason) in enumerate(refusals):
        order_id = f"order-{number}"
        for _ in range(2):
            await store.create(create(order_id, address=address, method=method))

        answers = [fact for fact in await published(store) if fact.subject == order_id]
        assert [(fact.type, fact.data.reason) for fact in answers] == [("shop.shipping.refused", reason)] * 2
        assert (await shipment(store, order_id)).reason == reason
    assert await store.advance() == 0


async def test_a_parcel_to_a_store_goes_to_any_country(store: Store) -> None:
    await store.create(create(address=replace(HOME, country="AQ"), method="pickup"))

    assert states(await shipment(store)) == ["created"]


@pytest.mark.parametrize("hours", [0, 1], ids=["created", "dispatched"])
async def test_a_cancelled_shipment_moves_on_no_more(store: Store, clock: Calendar, hours: int) -> None:
    await store.create(create())
    clock.now += hours * HOUR
    await store.advance()
    for _ in range(2):
        await store.cancel(cancel())
    clock.now += 9 * HOUR
    await store.advance()

    assert states(await shipment(store))[-1] == "cancelled"
    assert (await facts(store))[1 + hours :] == ["cancelled", "cancelled"]


async def test_in_whatever_order_commands_and_their_doubles_come_a_cancelled_order_is_not_shipped(
    store: Store, copy: Store, clock: Calendar
) -> None:
    for number, order in enumerate(permutations("cCxX")):
        order_id = f"order-{number}"
        creation, cancellation = create(order_id), cancel(order_id)
        deliveries: dict[str, Callable[[], Awaitable[None]]] = {
            "c": partial(store.create, creation),
            "C": partial(copy.create, creation),
            "x": partial(store.cancel, cancellation),
            "X": partial(copy.cancel, cancellation),
        }
        for letter in order:
            with suppress(AlreadyHandled):
                await deliveries[letter]()
        types = [fact.type for fact in await published(store) if fact.subject == order_id]
        assert types.count("shop.shipping.cancelled") == 1, order
    clock.now += 9 * HOUR

    assert await store.advance() == 0


async def test_a_refused_shipment_can_be_cancelled_and_stays_refused(store: Store) -> None:
    await store.create(create(method="pigeon"))
    await store.cancel(cancel())

    assert await facts(store) == ["refused", "cancelled"]
    assert (await shipment(store)).status is Status.REFUSED


async def test_a_delivered_shipment_is_cancelled_no_more_which_a_person_has_to_see(
    store: Store, clock: Calendar
) -> None:
    await store.create(create())
    for _ in range(2):
        clock.now += 2 * HOUR
        await store.advance()
    with pytest.raises(Reject, match="delivered"):
        await store.cancel(cancel())

    assert await facts(store) == ["created", "dispatched", "delivered"]


async def test_two_copies_move_every_due_shipment_on_once(
    store: Store, copy: Store, clock: Calendar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 10)
    orders = [f"order-{number}" for number in range(12)]
    for order in orders:
        await store.create(create(order))
    clock.now += HOUR
    moved = await asyncio.gather(*(each.advance() for each in (store, copy) * 3))

    dispatched = [fact.subject for fact in await published(store) if fact.type == "shop.shipping.dispatched"]
    assert sum(moved) == len(orders)
    assert sorted(dispatched) == sorted(orders)


async def test_what_was_due_while_no_copy_ran_moves_on_when_one_runs(
    database_url: str, clock: Calendar
) -> None:
    async with Store(database_url, durations=DURATIONS, now=clock) as store:
        await store.create(create())
    clock.now += 9 * HOUR
    async with Store(database_url, durations=DURATIONS, now=clock) as store:
        await store.advance()

        assert states(await shipment(store)) == ["created", "dispatched"]
