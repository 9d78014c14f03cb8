"""Commands and their answers over a real broker, as ordering writes and reads them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from frontispiece.events import CommandData, Event, EventData, EventSettings, Messaging, Outbox
from frontispiece.settings import Directory, TokenSettings
from frontispiece.stores import Database
from services.acquirer.app import AcquirerSettings
from services.acquirer.app import create_app as create_acquirer
from services.inventory.app import InventorySettings
from services.inventory.app import create_app as create_inventory
from services.ordering import events as ordering
from services.payment.app import PaymentSettings
from services.payment.app import create_app as create_payment
from tests.support.serving import servers

ANSWERS: list[type[EventData]] = [
    ordering.StockReserved,
    ordering.ReservationRefused,
    ordering.StockCommitted,
    ordering.StockReleased,
    ordering.ReservationExpired,
    ordering.PaymentAuthorised,
    ordering.PaymentDeclined,
    ordering.PaymentCaptured,
    ordering.PaymentVoided,
    ordering.PaymentRefunded,
]


class Ordering:
    """Sends commands, and gets their answers."""

    def __init__(self, settings: EventSettings, file: Path) -> None:
        metadata = sa.MetaData()
        self._outbox = Outbox(metadata, source="ordering")
        self._database = Database(f"sqlite:///{file}", metadata)
        self._answers: asyncio.Queue[EventData] = asyncio.Queue()
        self._messaging = Messaging(
            settings,
            service="ordering",
            database=self._database,
            outbox=self._outbox,
            handlers=dict.fromkeys(ANSWERS, self._answered),
        )
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._open.enter_async_context(self._database)
        await self._open.enter_async_context(self._messaging)
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._open.aclose()

    async def send(self, command: CommandData) -> EventData:
        """Send a command, and wait for the next answer."""
        async with self._database.write() as tx:
            await self._outbox.add(tx, command, subject=command.order_id)  # type: ignore[attr-defined]
        async with asyncio.timeout(60):
            return await self._answers.get()

    async def _answered(self, event: Event[Any]) -> None:
        self._answers.put_nowait(event.data)


class Shop:
    """Inventory, payment and the acquirer, which run, and ordering."""

    def __init__(self, ordering: Ordering, inventory: FastAPI, acquirer: FastAPI) -> None:
        self.ordering = ordering
        self.inventory = inventory
        self.acquirer = acquirer

    async def stock(self) -> tuple[int, int]:
        level = (await self.inventory.state.store.levels(["PEN"]))["PEN"]
        return level.on_hand, level.reserved

    async def charges(self) -> list[tuple[str, int]]:
        return [(each.kind.value, each.amount) for each in await self.acquirer.state.store.operations(100)]


@pytest.fixture
async def shop(
    event_settings: EventSettings, token_settings: TokenSettings, signing_key: str, tmp_path: Path
) -> AsyncIterator[Shop]:
    def common(name: str) -> dict[str, Any]:
        return {"database_url": f"sqlite:///{tmp_path}/{name}.db", "tokens": token_settings}

    acquirer = create_acquirer(AcquirerSettings(**common("acquirer")))
    inventory = create_inventory(InventorySettings(events=event_settings, **common("inventory")))
    async with servers() as serve, Ordering(event_settings, tmp_path / "ordering.db") as orders:
        directory = Directory(services={"acquirer": await serve(acquirer)})
        payment = PaymentSettings(
            signing_key=signing_key,
            timeout=60,
            directory=directory,
            events=event_settings,
            **common("payment"),
        )
        await serve(create_payment(payment))
        await serve(inventory)
        await inventory.state.store.add([("PEN", 10)])
        yield Shop(orders, inventory, acquirer)


def reserve(order_id: str, quantity: int) -> CommandData:
    lines = (ordering.Line(sku="PEN", quantity=quantity),)
    return ordering.ReserveStock(order_id=order_id, lines=lines, ttl_seconds=60)


def authorise(order_id: str, token: str) -> CommandData:
    return ordering.AuthorisePayment(
        order_id=order_id, owner="reader", amount=4250, currency="EUR", payment_token=token
    )


async def test_an_order_is_reserved_authorised_sold_and_paid(shop: Shop) -> None:
    a = str(uuid4())
    answers = [
        await shop.ordering.send(command)
        for command in (
            reserve(a, 3),
            authorise(a, "tok_visa"),
            ordering.CommitStock(order_id=a),
            ordering.CapturePayment(order_id=a),
        )
    ]

    assert answers == [
        ordering.StockReserved(order_id=a),
        ordering.PaymentAuthorised(order_id=a, amount=4250, currency="EUR"),
        ordering.StockCommitted(order_id=a),
        ordering.PaymentCaptured(order_id=a, amount=4250, currency="EUR"),
    ]
    assert await shop.stock() == (7, 0)
    assert await shop.charges() == [("authorise", 4250), ("capture", 4250)]


async def test_what_was_sold_and_paid_is_given_back(shop: Shop) -> None:
    a = str(uuid4())
    for command in (
        reserve(a, 3),
        authorise(a, "tok_visa"),
        ordering.CommitStock(order_id=a),
        ordering.CapturePayment(order_id=a),
    ):
        await shop.ordering.send(command)

    assert await shop.ordering.send(ordering.CancelPayment(order_id=a)) == ordering.PaymentRefunded(
        order_id=a, amount=4250, currency="EUR"
    )
    assert await shop.ordering.send(ordering.ReleaseStock(order_id=a)) == ordering.StockReleased(order_id=a)
    assert await shop.stock() == (10, 0)


async def test_refusals_say_why(shop: Shop) -> None:
    a = str(uuid4())
    shortage = await shop.ordering.send(reserve(a, 11))
    declined = await shop.ordering.send(authorise(a, "tok_declined"))

    assert isinstance(shortage, ordering.ReservationRefused)
    assert [(each.sku, each.wanted, each.available) for each in shortage.shortages] == [("PEN", 11, 10)]
    assert declined == ordering.PaymentDeclined(order_id=a, reason="card-declined")
