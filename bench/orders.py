"""The shop's databases under `bench.checkout`: customers and stock before, times of orders afterwards."""

import json
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from frontispiece.cli.run.environment import database_variable
from frontispiece.stores import Database
from services.identity.accounts.passwords import PasswordHasher
from services.identity.accounts.users import Users
from services.identity.model import User
from services.identity.tables import metadata as identity_metadata
from services.inventory.store import stock
from services.ordering.tables import event_store
from shop.demo import PASSWORD
from tests.support.shop import PROJECT

MANY: Final = 10_000_000
"""Units of each article: none is sold out."""

ENDS: Final = ("completed", "cancelled")


@dataclass(frozen=True, kw_only=True, slots=True)
class Times:
    """Seconds from `placed` until orders were confirmed and completed."""

    confirmed: Sequence[float]
    completed: Sequence[float]


def opened(data: Path, app: str, variable: str, urls: dict[str, str]) -> Database:
    """A database of the running shop."""
    url = urls.get(variable) or database_variable(PROJECT, app, variable, data)
    return Database(url, sa.MetaData())


class Log:
    """Ordering's logs, one a shard.

    Args:
        data: the shop's folder.
        urls: of its databases, by variable; those that are left out are files in the folder.
    """

    def __init__(self, data: Path, urls: dict[str, str]) -> None:
        self.data = data
        self.urls = urls

    async def open_orders(self) -> int:
        """The number of orders that have not reached an end."""
        types = event_store.events.c.type
        counted = [
            sa.func.count().filter(types == "placed"),
            sa.func.count().filter(types.in_(ENDS)),
        ]
        count = 0
        for shard in self._shards():
            async with shard as database, database.read() as tx:
                row = (await tx.execute(sa.select(*counted).select_from(event_store.events))).one()
            count += int(row[0] - row[1])
        return count

    async def placed(self) -> list[int]:
        """The number of orders in each shard."""
        query = sa.select(sa.func.count()).where(event_store.events.c.type == "placed")
        counts = []
        for shard in self._shards():
            async with shard as database, database.read() as tx:
                counts.append((await tx.execute(query)).scalar_one())
        return counts

    async def times(self, orders: Collection[str]) -> Times:
        """How long these orders took."""
        events = event_store.events.c
        query = sa.select(events.order_id, events.type, events.recorded_at).where(
            events.type.in_(("placed", "confirmed", "completed"))
        )
        moments: dict[str, dict[str, float]] = {id_: {} for id_ in orders}
        for shard in self._shards():
            async with shard as database, database.read() as tx:
                for order_id, kind, recorded_at in await tx.execute(query):
                    if order_id in moments:
                        moments[order_id][kind] = recorded_at.timestamp()
        return Times(confirmed=_since(moments, "confirmed"), completed=_since(moments, "completed"))

    def _shards(self) -> list[Database]:
        variable = "ORDERING_SHARDS"
        value = self.urls.get(variable) or database_variable(PROJECT, "ordering", variable, self.data)
        return [Database(each["database_url"], sa.MetaData()) for each in json.loads(value).values()]


def _since(moments: dict[str, dict[str, float]], kind: str) -> list[float]:
    return [each[kind] - each["placed"] for each in moments.values() if kind in each]


async def prepare(log: Log, names: Sequence[str]) -> None:
    """Add customers, whose ids are their names, and fill the shelves."""
    inventory = opened(log.data, "inventory", "INVENTORY_DATABASE_URL", log.urls)
    async with inventory, inventory.write() as tx:
        await tx.execute(stock.update().values(on_hand=MANY))
    hasher = PasswordHasher(memory_cost=8, time_cost=1)
    url = log.urls.get("IDENTITY_DATABASE_URL") or database_variable(
        PROJECT, "identity", "IDENTITY_DATABASE_URL", log.data
    )
    async with Database(url, identity_metadata) as database, hasher:
        password_hash = await hasher.hash(PASSWORD)
        await Users(database, time.time).add(
            User(
                id=name,
                name=name,
                display_name=name,
                email=f"{name}@shop.example",
                scopes=frozenset({"shop"}),
                password_hash=password_hash,
            )
            for name in names
        )
