"""The write side on SQLite and PostgreSQL: events, messages and time-outs change together or not at all."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from frontispiece.events import AlreadyHandled, Event, EventData, Reject
from services.ordering import events
from services.ordering.domain_events import Step
from services.ordering.model import Status
from services.ordering.order import Cancel, KeyReused, Place, Retry, Stock, UnknownOrder
from services.ordering.saga import ATTEMPTS_BEFORE_STUCK
from services.ordering.store import Orders
from services.ordering.tables import event_store, outbox, timeouts
from tests.services.ordering.orders import ORDER_ID, PLACED, opened
from tests.support.clock import Calendar
from tests.support.events import event, published
from tests.support.postgres import Postgres

LONG = timedelta(hours=1)


@pytest.fixture
async def orders(database_url: str, clock: Calendar) -> AsyncIterator[Orders]:
    async with opened(database_url, reply_timeout=4, now=clock) as orders:
        yield orders


def reply(data: EventData) -> Event[Any]:
    return event(data, subject=ORDER_ID)


RESERVED = events.StockReserved(order_id=ORDER_ID)
AUTHORISED = events.PaymentAuthorised(order_id=ORDER_ID, amount=1090, currency="EUR")
REPLIES = [
    RESERVED,
    AUTHORISED,
    events.StockCommitted(order_id=ORDER_ID),
    events.ShipmentCreated(order_id=ORDER_ID, shipment_id="s", tracking_code="T"),
    events.PaymentCaptured(order_id=ORDER_ID, amount=1090, currency="EUR"),
]


async def place(orders: Orders, order_id: str = ORDER_ID) -> None:
    await orders.execute(order_id, Place(placed=PLACED))


async def sent(orders: Orders) -> list[str]:
    """The types of all messages so far."""
    return [message.type.removeprefix("shop.") for message in await published(orders.database, outbox)]


async def awaited(orders: Orders) -> dict[str, int]:
    """The attempts of steps with a time-out."""
    async with orders.database.read() as tx:
        rows = await tx.execute(timeouts.table.select())
        return {row.step: row.attempt for row in rows}


async def status(orders: Orders, order_id: str = ORDER_ID) -> Status:
    found = await orders.find(order_id)
    assert found is not None
    return found.order.status


async def test_a_placed_order_is_stored_with_its_first_messages_and_a_timeout(orders: Orders) -> None:
    written = await orders.execute(ORDER_ID, Place(placed=PLACED))

    assert (written.order.stock, written.version, written.position) == (Stock.RESERVE_PENDING, 2, 2)
    assert await sent(orders) == ["ordering.placed", "inventory.reserve"]
    assert await awaited(orders) == {"reserve": 1}
    assert await orders.find(ORDER_ID) == written


async def test_placing_again_changes_nothing_and_another_request_is_refused(orders: Orders) -> None:
    written = await orders.execute(ORDER_ID, Place(placed=PLACED))

    assert await orders.execute(ORDER_ID, Place(placed=PLACED)) == written
    with pytest.raises(KeyReused):
        await orders.execute(ORDER_ID, Place(placed=msgspec.structs.replace(PLACED, digest="d2")))
    assert await sent(orders) == ["ordering.placed", "inventory.reserve"]


async def test_replies_lead_to_a_completed_order_that_nothing_is_awaited_for(orders: Orders) -> None:
    await place(orders)
    for data in REPLIES:
        await orders.handle(reply(data))

    assert await status(orders) is Status.COMPLETED
    assert await awaited(orders) == {}
    assert (await sent(orders))[-2:] == ["payment.capture", "ordering.completed"]


async def test_a_reply_delivered_to_several_copies_at_once_is_handled_once(orders: Orders) -> None:
    await place(orders)
    twice = reply(RESERVED)
    outcomes = await asyncio.gather(*(orders.handle(twice) for _ in range(4)), return_exceptions=True)

    assert outcomes.count(None) == 1
    assert all(isinstance(outcome, AlreadyHandled) for outcome in outcomes if outcome is not None)
    assert await awaited(orders) == {"authorise": 1}


async def test_only_an_order_that_exists_can_be_changed(orders: Orders) -> None:
    for command in (Cancel(), Retry()):
        with pytest.raises(UnknownOrder):
            await orders.execute(ORDER_ID, command)


async def test_a_reply_about_an_unknown_order_is_parked(orders: Orders) -> None:
    with pytest.raises(Reject, match="no order"):
        await orders.handle(reply(RESERVED))


async def test_different_replies_and_a_cancellation_at_once_are_all_carried_out(orders: Orders) -> None:
    for number in range(5):
        order_id = f"{number:036}"
        await place(orders, order_id)
        await asyncio.gather(
            orders.execute(order_id, Cancel()),
            orders.handle(event(events.StockReserved(order_id=order_id), subject=order_id)),
            orders.handle(event(events.ReservationExpired(order_id=order_id), subject=order_id)),
        )
        for data in (events.PaymentVoided(order_id=order_id), events.StockReleased(order_id=order_id)):
            await orders.handle(event(data, subject=order_id))
        assert await status(orders, order_id) is Status.CANCELLED


async def test_nothing_is_timed_out_before_it_is_due(orders: Orders, clock: Calendar) -> None:
    await place(orders)
    clock.now += timedelta(seconds=2.9)  # four, less a quarter of jitter
    await orders.carry_out_timeouts()
    assert await awaited(orders) == {"reserve": 1}

    clock.now += timedelta(seconds=2.2)
    await orders.carry_out_timeouts()
    assert await awaited(orders) == {"reserve": 2}
    assert await sent(orders) == ["ordering.placed", "inventory.reserve", "inventory.reserve"]


async def test_commands_that_are_sent_again_are_messages_of_their_own(
    orders: Orders, clock: Calendar
) -> None:
    """Otherwise the broker or the receiver would drop them as seen, and no reply would ever come."""
    await place(orders)
    clock.now += LONG
    await orders.time_out()

    ids = [message.id for message in await published(orders.database, outbox)]
    assert len(set(ids)) == 3


async def test_a_stuck_order_waits_until_a_person_sends_it_on(orders: Orders, clock: Calendar) -> None:
    await place(orders)
    for data in [*REPLIES[:2], REPLIES[3]]:
        await orders.handle(reply(data))
    for _ in range(ATTEMPTS_BEFORE_STUCK):
        clock.now += LONG
        assert await orders.time_out()
    found = await orders.find(ORDER_ID)
    assert found is not None
    assert found.order.stuck == {Step.COMMIT: "No reply to 8 commands."}
    assert await awaited(orders) == {}

    await orders.execute(ORDER_ID, Retry())
    assert await awaited(orders) == {"commit": 1}
    await orders.handle(reply(REPLIES[2]))
    await orders.handle(reply(REPLIES[4]))
    assert await status(orders) is Status.COMPLETED


async def test_several_copies_carry_out_each_timeout_once(orders: Orders, clock: Calendar) -> None:
    for number in range(12):
        await place(orders, f"{number:036}")
    clock.now += LONG
    await asyncio.gather(*(orders.carry_out_timeouts() for _ in range(3)))

    assert (await sent(orders)).count("inventory.reserve") == 24


async def test_a_timeout_that_one_copy_is_taking_keeps_no_other_waiting(
    postgres: Postgres, clock: Calendar
) -> None:
    async with opened(postgres.new_database(), now=clock) as orders:
        for number in range(2):
            await place(orders, f"{number:036}")
        now = clock.now + LONG
        async with orders.database.write() as one, orders.database.write() as other:
            taken = [await timeouts.take(tx, now) for tx in (one, other, one)]
    assert {due.order_id for due in taken if due} == {f"{number:036}" for number in range(2)}
    assert taken[2] is None


async def test_orders_that_were_placed_together_do_not_time_out_together(orders: Orders) -> None:
    for number in range(10):
        await place(orders, f"{number:036}")

    async with orders.database.read() as tx:
        due = {row.due_at for row in await tx.execute(timeouts.table.select())}
    assert len(due) == 10
    assert max(due) - min(due) <= timedelta(seconds=2)  # half of the time-out


async def test_an_order_that_this_version_cannot_read_keeps_no_other_from_its_timeout(
    orders: Orders, clock: Calendar
) -> None:
    """As after a downgrade, or beside a newer copy: it waits for that one."""
    newer, others = f"{0:036}", [f"{number:036}" for number in range(1, 4)]
    for order_id in (newer, *others):
        await place(orders, order_id)
    async with orders.database.write() as tx:
        events_of_newer = event_store.events.c.order_id == newer
        await tx.execute(event_store.events.update().where(events_of_newer).values(schema_version=99))
        await tx.execute(timeouts.table.update().values(due_at=clock.now))
        first = timeouts.table.c.order_id == newer
        await tx.execute(timeouts.table.update().where(first).values(due_at=clock.now - LONG))

    for _ in range(2):
        await orders.carry_out_timeouts()
    assert (await sent(orders)).count("inventory.reserve") == 4 + 3

    async with orders.database.write() as tx:
        await tx.execute(event_store.events.update().where(events_of_newer).values(schema_version=2))
        await tx.execute(
            event_store.events.update()
            .where(events_of_newer, event_store.events.c.type != "placed")
            .values(schema_version=1)
        )
    clock.now += LONG
    await orders.carry_out_timeouts()
    assert (await sent(orders)).count("inventory.reserve") == 4 + 3 + 4


async def test_a_change_that_fails_leaves_no_trace(orders: Orders, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last statement of the transaction fails, as if the process had been killed before the commit."""
    await place(orders)

    async def fail(*_args: Any) -> int:
        raise ConnectionAbortedError

    message = reply(RESERVED)
    with monkeypatch.context() as patch:
        patch.setattr("services.ordering.store.event_store.append", fail)
        with pytest.raises(ConnectionAbortedError):
            await orders.handle(message)
    assert await sent(orders) == ["ordering.placed", "inventory.reserve"]
    assert await awaited(orders) == {"reserve": 1}

    await orders.handle(message)
    assert await awaited(orders) == {"authorise": 1}
