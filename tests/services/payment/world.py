"""Payment's handlers, the acquirer that they call over HTTP, and deliveries until a message is done."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from fastapi import FastAPI

from frontispiece.events import CommandData, Event, EventData, Reject
from frontispiece.security import Signer
from frontispiece.settings import Directory, TokenSettings
from services.acquirer.app import AcquirerSettings
from services.acquirer.app import create_app as create_acquirer
from services.acquirer.faults import Faults
from services.acquirer.model import Operation
from services.payment.acquirer import Acquirer
from services.payment.events import AuthorisePayment, CancelPayment, CapturePayment
from services.payment.handlers import Handlers
from services.payment.model import Payment
from services.payment.store import Store, outbox
from tests.support.events import event, published
from tests.support.redelivery import deliver
from tests.support.serving import servers

PATIENCE = 60.0
"""Seconds that payment waits for an acquirer that answers, and that a message is delivered again."""

TIMEOUT = 0.2
"""Seconds that payment waits for one that may not answer; when a call more times out, nothing changes."""

VISA = "tok_visa"

HANGS = Faults(timeout_rate=1, hang=2 * TIMEOUT)


@dataclass(frozen=True, kw_only=True)
class World:
    """Payment and the acquirer.

    Args:
        store: payment's.
        acquirer: the app, whose faults tests switch on.
        client: of the acquirer, as payment has it.
        copies: of payment.
        parked: why messages were parked.
    """

    store: Store
    acquirer: FastAPI
    client: Acquirer
    copies: tuple[Handlers, ...]
    parked: list[str] = field(default_factory=list)

    def switch(self, faults: Faults) -> None:
        self.acquirer.state.faults = faults

    async def handle(self, message: Event[Any]) -> None:
        """Deliver a message once."""
        await self._handler(message.data, self.copies[0])(message)

    async def deliver(self, message: Event[Any], copy: int = 0) -> None:
        """Deliver a message until it is acknowledged or parked."""
        handle = self._handler(message.data, self.copies[copy])
        try:
            await deliver(message, handle, within=PATIENCE)
        except Reject as rejection:
            self.parked.append(str(rejection))

    async def deliver_twice(self, message: Event[Any]) -> None:
        """Deliver a message to two copies at the same time."""
        await asyncio.gather(self.deliver(message, 0), self.deliver(message, 1))

    async def facts(self, order_id: str) -> list[EventData]:
        """What was published of an order."""
        events = await published(self.store.database, outbox)
        return [each.data for each in events if each.subject == order_id]

    async def payment(self, order_id: str) -> Payment:
        found = await self.store.payment(order_id)
        assert found is not None
        return found

    async def at_acquirer(self) -> list[Operation]:
        """The acquirer's ledger."""
        ledger: list[Operation] = await self.acquirer.state.store.operations(10_000)
        return ledger

    async def ledgers_agree(self) -> bool:
        """Whether payment's ledger has what the acquirer's has, and nothing else."""
        return _rows(await self.store.entries(10_000)) == _rows(await self.at_acquirer())

    def _handler(self, command: CommandData, copy: Handlers) -> Callable[[Event[Any]], Awaitable[None]]:
        handlers: dict[type[CommandData], Callable[[Event[Any]], Awaitable[None]]] = {
            AuthorisePayment: copy.authorise,
            CapturePayment: copy.capture,
            CancelPayment: copy.cancel,
        }
        return handlers[type(command)]


@asynccontextmanager
async def running_world(
    database_url: str, tokens: TokenSettings, pem: str, folder: Path, call_timeout: float
) -> AsyncIterator[World]:
    """Payment, which waits so many seconds for the acquirer."""
    acquirer = create_acquirer(
        AcquirerSettings(database_url=f"sqlite:///{folder}/acquirer.db", tokens=tokens)
    )
    async with servers() as serve, Store(database_url) as store:
        directory = Directory(services={"acquirer": await serve(acquirer)})
        async with Acquirer(directory, Signer(pem, "payment"), call_timeout) as client:
            copies = (Handlers(store, client), Handlers(store, client))
            yield World(store=store, acquirer=acquirer, client=client, copies=copies)


def _rows(ledger: Iterable[Any]) -> set[tuple[Any, ...]]:
    rows = ((row.key, row.kind.value, row.amount, row.currency, row.approved, row.reason) for row in ledger)
    return set(rows)


def order() -> str:
    """A new order's id."""
    return str(uuid4())


def authorise(order_id: str, *, amount: int = 4250, token: str = VISA, owner: str = "reader") -> Event[Any]:
    command = AuthorisePayment(
        order_id=order_id, owner=owner, amount=amount, currency="EUR", payment_token=token
    )
    return event(command, subject=order_id, source="ordering")


def capture(order_id: str) -> Event[Any]:
    return event(CapturePayment(order_id=order_id), subject=order_id, source="ordering")


def cancel(order_id: str) -> Event[Any]:
    return event(CancelPayment(order_id=order_id), subject=order_id, source="ordering")
