"""An order to begin a test with."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final

from msgspec.structs import replace

from frontispiece.shards import ShardMap
from services.ordering.domain_events import (
    Address,
    Cancelled,
    Captured,
    Completed,
    Delivery,
    OrderEvent,
    Placed,
    Reason,
    Step,
    StepStarted,
)
from services.ordering.messages import messages_of
from services.ordering.model import OrderLine
from services.ordering.order import fold
from services.ordering.settings import ShardDatabases
from services.ordering.store import Orders
from services.ordering.tables import event_store, fence, outbox

LINE: Final = OrderLine(sku="PEN", name="Pen", quantity=2, unit_price=333, percent_off=10)
ADDRESS: Final = Address(
    name="R. Reader", street="Inkwell Lane 3", postal_code="04109", city="Leipzig", country="DE"
)
PLACED: Final = Placed(
    owner="reader",
    digest="d1",
    currency="EUR",
    lines=(LINE,),
    coupon="",
    basket_version=7,
    delivery=Delivery(method="standard", address=ADDRESS, amount=490),
    payment_token="tok_1",
    placed_at=datetime(2026, 5, 1, 12, tzinfo=UTC),
)
ORDER_ID: Final = "0b8f6d0e-58a4-5a0c-9a59-6a3f6a0f5a11"

ENDS: Final[tuple[tuple[OrderEvent, ...], ...]] = (
    (Captured(amount=1090), Completed()),
    (Captured(amount=1090), Cancelled(reason=Reason.NOT_DELIVERABLE)),
    (),
)


def one_shard(database_url: str, read_database_url: str) -> dict[str, ShardDatabases]:
    """The setting `shards` with all orders in one."""
    return {"0": ShardDatabases(database_url=database_url, read_database_url=read_database_url)}


@asynccontextmanager
async def opened(database_url: str, **options: Any) -> AsyncIterator[Orders]:
    """The orders of a shard that has all buckets."""
    async with Orders(database_url, **options) as orders:
        async with orders.database.write() as tx:
            await fence.fill(tx, "0", ShardMap.even(["0"]))
        yield orders


async def write(orders: Orders, number: int, *, publish: bool = True) -> None:
    """An order in the log, and its facts in the outbox: of three, one is completed and one cancelled."""
    order_id, order = f"order-{number}", None
    started = StepStarted(step=Step.RESERVE)
    events = (replace(PLACED, owner=f"customer{number}"), started, *ENDS[number % 3])
    async with orders.database.write() as tx:
        await event_store.append(tx, order_id, 0, events)
        for event in events:
            order = fold([event], order, order_id)
            assert order is not None
            if publish and event is not started:
                for fact in messages_of(order, event):
                    await outbox.add(tx, fact, subject=order_id)
