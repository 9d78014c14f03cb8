"""Reading the ledgers: the services' databases, the broker's streams, and what was sent to customers."""

import email
import json
import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import chain
from pathlib import Path
from typing import Any, Final

import msgspec
import nats
import sqlalchemy as sa
from nats.js import JetStreamContext
from sqlalchemy.ext.asyncio import AsyncConnection

from frontispiece.cli.run.environment import database_variable
from frontispiece.stores import Database
from services.acquirer.store import ledger
from services.inventory.store import stock
from services.ordering.domain_events import BucketRemoved, Placed
from services.ordering.event_store import Recorded, Seen
from services.ordering.projection import PROJECTION, project
from services.ordering.read_tables import GENERATIONS, Generation, State, generations
from services.ordering.read_tables import metadata as read_metadata
from services.ordering.tables import event_store
from services.ordering.views import OrderView, apply
from services.shipping.store import shipments
from tests.faults.ledgers import Accepted, Consumer, Ledgers, Operation, Order, Row, Stock
from tests.faults.streams import EVENTS, PARKED, messages, subscriptions, unhandled
from tests.support.shop import PROJECT

BATCH: Final = 500

FACTS: Final = ("placed", "confirmed", "completed", "cancelled")

OPEN_ORDERS: Final = sa.text(
    "SELECT count(*) FROM order_events placed WHERE placed.type = 'placed' AND NOT EXISTS "
    "(SELECT 1 FROM order_events ended "
    "WHERE ended.order_id = placed.order_id AND ended.type IN ('completed', 'cancelled'))"
)


class Reader:
    """Reads a shop's ledgers.

    Args:
        data: the shop's folder.
        nats_url: of its broker.
    """

    def __init__(self, data: Path, nats_url: str) -> None:
        self._data = data
        self._nats_url = nats_url
        self._urls = {
            variable: (name, database_variable(PROJECT, name, variable, data))
            for name, app in PROJECT.apps.items()
            for variable in app.databases
        }
        shards = json.loads(database_variable(PROJECT, "ordering", "ORDERING_SHARDS", data)).values()
        self._logs = [shard["database_url"] for shard in shards]
        self._read_models = [shard["read_database_url"] for shard in shards]

    async def stock(self) -> dict[str, tuple[int, int]]:
        """Units on hand and reserved, by sku."""
        async with self._database("INVENTORY_DATABASE_URL") as tx:
            return {row.sku: (row.on_hand, row.reserved) for row in await tx.execute(sa.select(stock))}

    async def lowest(self) -> int:
        """The lowest number of available units of any article."""
        async with self._database("INVENTORY_DATABASE_URL") as tx:
            return int(await tx.scalar(sa.select(sa.func.min(stock.c.on_hand - stock.c.reserved))) or 0)

    async def unsettled(self) -> dict[str, int]:
        """What is still under way, with its number; empty when the shop is at rest."""
        found = dict.fromkeys(("open orders", "events that the read model has not seen"), 0)
        for log_url, read_url in zip(self._logs, self._read_models, strict=True):
            async with connection(log_url) as tx:
                found["open orders"] += int(await tx.scalar(OPEN_ORDERS) or 0)
                position = await event_store.last_position(tx)
            async with connection(read_url) as tx:
                found["events that the read model has not seen"] += position - (await live(tx))[1]
        async with self._database("SHIPPING_DATABASE_URL") as tx:
            under_way = sa.select(sa.func.count()).where(shipments.c.due_at.is_not(None))
            found["parcels under way"] = int(await tx.scalar(under_way) or 0)
        found |= {f"outbox of {name}": count for name, count in (await self._outboxes()).items()}
        async with self._streams() as streams:
            found |= await unhandled(streams)
        return {name: count for name, count in found.items() if count}

    async def ledgers(
        self, accepted: Sequence[Accepted], at_start: Mapping[str, tuple[int, int]], lowest: int
    ) -> Ledgers:
        """All ledgers.

        Args:
            accepted: the customers' notes.
            at_start: what `stock` was at the start of the run.
            lowest: the lowest number of available units that was seen during the run.
        """
        logs = [await log_of(url) for url in self._logs]
        at_end = await self.stock()
        async with self._database("ACQUIRER_DATABASE_URL") as tx:
            rows = await tx.execute(sa.select(ledger).where(ledger.c.approved))
            operations = [Operation(**{name: row._mapping[name] for name in OPERATION}) for row in rows]
        async with self._streams() as streams:
            published = [message async for message in messages(streams, EVENTS)]
            parked = [f"{each.type} of {each.subject}" async for each in messages(streams, PARKED)]
            waiting = await unhandled(streams)
            types = await subscriptions(streams)
        return Ledgers(
            accepted=accepted,
            orders=orders(chain.from_iterable(logs)),
            operations=operations,
            stock={
                sku: Stock(start=on_hand, on_hand=at_end[sku][0], reserved=at_end[sku][1])
                for sku, (on_hand, _) in at_start.items()
            },
            lowest=min([lowest, *(on_hand - reserved for on_hand, reserved in at_end.values())]),
            outboxes=await self._outboxes(),
            published=published,
            unhandled=waiting,
            parked=parked,
            consumers={
                name: Consumer(types=types[name], handled=ids)
                for name, ids in (await self._inboxes()).items()
                if name in types
            },
            read_model=await self._read_model(),
            projection=merged([await projection(log) for log in logs]),
            notifications=list(notifications(self._data)),
        )

    @asynccontextmanager
    async def _database(self, variable: str) -> AsyncIterator[AsyncConnection]:
        async with connection(self._urls[variable][1]) as tx:
            yield tx

    @asynccontextmanager
    async def _streams(self) -> AsyncIterator[JetStreamContext]:
        client = await nats.connect(self._nats_url, connect_timeout=5)
        try:
            yield client.jetstream(timeout=10)
        finally:
            await client.close()

    async def _read_model(self) -> dict[str, list[Row]]:
        found = []
        for url in self._read_models:
            async with connection(url) as tx:
                found.append(await rows_of(tx, (await live(tx))[0]))
        return merged(found)

    async def _outboxes(self) -> dict[str, int]:
        """Rows that wait, by service."""
        return {name: len(ids) for name, ids in (await self._column("outbox", "id")).items()}

    async def _inboxes(self) -> dict[str, frozenset[str]]:
        """Ids of handled events, by service."""
        return {name: frozenset(ids) for name, ids in (await self._column("inbox", "id")).items()}

    async def _column(self, table: str, column: str) -> dict[str, list[Any]]:
        """The values of a column, by the service that has the table."""
        found: dict[str, list[Any]] = {}
        of_ordering = (("ordering", url) for url in self._logs)
        for name, url in (*self._urls.values(), *of_ordering):
            async with connection(url) as tx:
                if await tx.run_sync(lambda sync: sa.inspect(sync).has_table(table)):
                    query: sa.Select[Any] = sa.select(sa.column(column)).select_from(sa.table(table))
                    found[name] = [*found.get(name, ()), *await tx.scalars(query)]
        return found


OPERATION: Final = ("reference", "kind", "amount", "currency")


@asynccontextmanager
async def connection(url: str) -> AsyncIterator[AsyncConnection]:
    """A read transaction of any database."""
    async with Database(url, sa.MetaData()) as database, database.read() as tx:
        yield tx


async def live(tx: AsyncConnection) -> tuple[Generation, int]:
    """The tables that are read, and the position of the last event that they have seen."""
    row = (await tx.execute(sa.select(generations).where(generations.c.state == State.LIVE))).one()
    return GENERATIONS[row.name], row.position


async def rows_of(tx: AsyncConnection, generation: Generation) -> dict[str, list[Row]]:
    """All rows of the read model."""
    names = ("summaries", "details", "totals", "sold")
    return {
        name: [tuple(row) for row in await tx.execute(sa.select(table))]
        for name, table in zip(names, generation.tables, strict=True)
    }


async def log_of(url: str) -> list[Recorded]:
    """All events of a shard."""
    async with connection(url) as tx:
        return await event_store.read(tx, Seen(), 1_000_000)


def merged(shards: Iterable[Mapping[str, list[Row]]]) -> dict[str, list[Row]]:
    """The rows of all shards, by table."""
    found: dict[str, list[Row]] = {}
    for shard in shards:
        for table, rows in shard.items():
            found.setdefault(table, []).extend(rows)
    return found


def orders(log: Iterable[Recorded]) -> dict[str, Order]:
    """The orders in the log."""
    views: dict[str, OrderView] = {}
    placed: dict[str, Placed] = {}
    facts: dict[str, list[str]] = {}
    for recorded in log:
        known = views.get(recorded.order_id)
        if isinstance(recorded.event, BucketRemoved) or (known and known.version >= recorded.version):
            continue  # what a shard has, another one may have a copy of
        views[recorded.order_id] = apply(known, recorded)
        if isinstance(recorded.event, Placed):
            placed[recorded.order_id] = recorded.event
        if recorded.event.NAME in FACTS:
            facts.setdefault(recorded.order_id, []).append(recorded.event.NAME)
    return {
        order_id: Order(
            id=order_id,
            owner=placed[order_id].owner,
            basket_version=placed[order_id].basket_version,
            lines={line.sku: line.quantity for line in view.bill.lines},
            total=view.total,
            currency=view.bill.currency,
            facts=tuple(facts[order_id]),
        )
        for order_id, view in views.items()
    }


async def projection(log: Sequence[Recorded]) -> dict[str, list[Row]]:
    """The rows of the read model as the log gives them, made in a database that is new."""
    blue = GENERATIONS["blue"]
    with tempfile.TemporaryDirectory() as folder:
        async with Database(f"sqlite:///{folder}/fresh.db", read_metadata) as database:
            async with database.write() as tx:
                new = {"name": blue.name, "state": State.BUILDING, "position": 0, "projection": PROJECTION}
                await tx.execute(generations.insert().values(new))
                for first in range(0, len(log), BATCH):
                    await project(tx, blue, Seen(position=first), log[first : first + BATCH])
            async with database.read() as tx:
                return await rows_of(tx, blue)


def notifications(data: Path) -> Iterable[str]:
    """The keys of the mails and pushes that were sent."""
    for file in sorted(data.glob("**/new/*")):
        yield str(email.message_from_bytes(file.read_bytes())["Message-ID"])
    for log in data.glob("**/push*.jsonl"):
        for line in log.read_text().splitlines():
            yield str(msgspec.json.decode(line)["key"])
