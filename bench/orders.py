"""The shop's databases under `bench.checkout`: customers and stock before, times of orders afterwards."""

import json
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

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


class Log:
    """Ordering's logs, one a shard.

    Args:
        data: the shop's folder.
        urls: of its databases, by variable; those that are left out are files in the folder.
    """

    def __init__(self, data: Path, urls: dict[str, str]) -> None:
        self.data = data
        self.urls = urls

    def url(self, app: str, variable: str) -> str:
        """The setting of an app's database."""
        return self.urls.get(variable) or database_variable(PROJECT, app, variable, self.data)

    async def open_orders(self) -> int:
        """The number of orders that have not reached an end."""
        types = event_store.events.c.type
        placed, ended = (sa.func.count().filter(types.in_(kinds)) for kinds in (("placed",), ENDS))
        query = sa.select(placed - ended).select_from(event_store.events)
        return sum(rows[0][0] for rows in await self._rows(query))

    async def placed(self) -> list[int]:
        """The number of orders in each shard."""
        query = sa.select(sa.func.count()).where(event_store.events.c.type == "placed")
        return [rows[0][0] for rows in await self._rows(query)]

    async def times(self, orders: Collection[str]) -> Times:
        """How long these orders took."""
        events = event_store.events.c
        query = sa.select(events.order_id, events.type, events.recorded_at).where(
            events.type.in_(("placed", "confirmed", "completed"))
        )
        moments: dict[str, dict[str, float]] = {id_: {} for id_ in orders}
        for rows in await self._rows(query):
            for order_id, kind, recorded_at in rows:
                if order_id in moments:
                    moments[order_id][kind] = recorded_at.timestamp()
        return Times(confirmed=_since(moments, "confirmed"), completed=_since(moments, "completed"))

    async def _rows(self, query: sa.Select[Any]) -> list[Sequence[Any]]:
        """The rows that each shard finds."""
        found = []
        for shard in json.loads(self.url("ordering", "ORDERING_SHARDS")).values():
            database = Database(shard["database_url"], sa.MetaData())
            async with database, database.read() as tx:
                found.append((await tx.execute(query)).all())
        return found


def _since(moments: dict[str, dict[str, float]], kind: str) -> list[float]:
    return [each[kind] - each["placed"] for each in moments.values() if kind in each]


async def prepare(log: Log, names: Sequence[str]) -> None:
    """Add customers, whose ids are their names, and fill the shelves."""
    inventory = Database(log.url("inventory", "INVENTORY_DATABASE_URL"), sa.MetaData())
    async with inventory, inventory.write() as tx:
        await tx.execute(stock.update().values(on_hand=MANY))
    hasher = PasswordHasher(memory_cost=8, time_cost=1)
    identity = Database(log.url("identity", "IDENTITY_DATABASE_URL"), identity_metadata)
    async with identity, hasher:
        password_hash = await hasher.hash(PASSWORD)
        await Users(identity, time.time).add(
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
