"""The tables of a shard, and its rows as stores."""

import json
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from frontispiece.stores import Moment
from services.pickup.cells import cell_of
from services.pickup.model import Store, vector

metadata = sa.MetaData()

stores = sa.Table(
    "stores",
    metadata,
    sa.Column("cell", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("x", sa.Double, nullable=False),
    sa.Column("y", sa.Double, nullable=False),
    sa.Column("z", sa.Double, nullable=False),
    sa.Column("stock", sa.BigInteger, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("street", sa.String(200), nullable=False),
    sa.Column("postal_code", sa.String(20), nullable=False),
    sa.Column("city", sa.String(200), nullable=False),
    sa.Column("country", sa.String(2), nullable=False),
    sa.Column("latitude", sa.Double, nullable=False),
    sa.Column("longitude", sa.Double, nullable=False),
    sa.Column("zone", sa.String(64), nullable=False),
    sa.Column("opens", sa.SmallInteger, nullable=False),
    sa.Column("closes", sa.SmallInteger, nullable=False),
    sa.Column("leaving", sa.Text),  # the store as it will be, in a unit of another shard
    sa.Column(
        "left_at", Moment
    ),  # it is there now: what is here repeats that, until nobody can have missed it
    sqlite_with_rowid=False,
)

sa.Index("stores_by_id", stores.c.id)

on_their_way = stores.c.leaving.is_not(None) | stores.c.left_at.is_not(None)
sa.Index("stores_on_their_way", stores.c.id, sqlite_where=on_their_way, postgresql_where=on_their_way)

units = sa.Table(
    "units",
    metadata,
    sa.Column("first", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("last", sa.BigInteger, nullable=False),
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Column("moving_to", sa.String(64)),
    sa.Column("reads", sa.BigInteger, nullable=False, default=0),
)

STORE: Final = tuple(field.name for field in fields(Store))


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A store as a shard has it; see the columns `leaving` and `left_at`."""

    cell: int
    store: Store
    leaving: Store | None
    left_at: datetime | None


def columns(store: Store) -> dict[str, Any]:
    """The row of a store that is not on its way."""
    x, y, z = vector(store.latitude, store.longitude)
    cell = cell_of(store.latitude, store.longitude)
    return {
        **{name: getattr(store, name) for name in STORE},
        "cell": cell,
        "x": x,
        "y": y,
        "z": z,
        "leaving": None,
        "left_at": None,
    }


def store_in(row: sa.Row[Any]) -> Store:
    """The store in a row."""
    known = row._mapping
    return Store(**{name: known[name] for name in STORE})


def row_in(row: sa.Row[Any]) -> Row:
    """A whole row of `stores`."""
    return Row(
        cell=row.cell,
        store=store_in(row),
        leaving=None if row.leaving is None else Store(**json.loads(row.leaving)),
        left_at=row.left_at,
    )
