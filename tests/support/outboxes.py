"""A service with an outbox and an inbox, and a broker that tests can make fail."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import sqlalchemy as sa

from frontispiece.events import EventData, Inbox, Outbox, OutboxMessage, Relay
from frontispiece.events.envelope import decode
from frontispiece.stores import Database

METADATA = sa.MetaData()
OUTBOX = Outbox(METADATA, source="store")
INBOX = Inbox(METADATA)


class Added(EventData, frozen=True, kw_only=True):
    TYPE = "things.store.added"

    number: int


class BrokerAway(Exception):
    """The broker acknowledges nothing."""


class Broker:
    """Keeps what is published, in order.

    Attributes:
        away: whether every publication fails.
        refused: aggregates whose publications fail.
        silent: whether it takes messages and acknowledges none.
    """

    def __init__(self) -> None:
        self.published: list[OutboxMessage] = []
        self.attempts = 0
        self.away = False
        self.silent = False
        self.refused: set[str] = set()

    async def publish(self, message: OutboxMessage) -> None:
        """Keep a message, and acknowledge it."""
        self.attempts += 1
        await asyncio.sleep(0)
        if self.away or message.subject in self.refused:
            raise BrokerAway
        self.published.append(message)
        if self.silent:
            await asyncio.Event().wait()

    def of(self, subject: str) -> list[str]:
        """The ids of an aggregate's messages."""
        return [message.id for message in self.published if message.subject == subject]


async def add(database: Database, *numbers: int, subject: str = "a") -> list[str]:
    """Add events in one transaction; returns their ids."""
    async with database.write() as tx:
        return [(await OUTBOX.add(tx, Added(number=number), subject=subject)).id for number in numbers]


async def add_and_fail(database: Database, number: int) -> None:
    """Add an event in a transaction that fails with a `ZeroDivisionError`."""
    async with database.write() as tx:
        await OUTBOX.add(tx, Added(number=number), subject="a")
        raise ZeroDivisionError


async def waiting(database: Database) -> list[int]:
    """The numbers in the events that wait."""
    async with database.read() as tx:
        bodies = await tx.scalars(sa.select(OUTBOX.table.c.body).order_by(OUTBOX.table.c.position))
        return [decode(body, {Added.TYPE: Added}).data.number for body in bodies]


@asynccontextmanager
async def running(relay: Relay) -> AsyncIterator[None]:
    """A relay that is cancelled at the end of the block."""
    task = asyncio.create_task(relay.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
