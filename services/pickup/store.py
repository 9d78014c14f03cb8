"""One shard's database: the units of the curve that the shard has, and the stores in them.

A process may know an old map of the shards. So each transaction compares the units that it reads or writes
with those in the database, and fails when the shard has not got one of them at the epoch of the map. Reads
compare after they have selected their rows: a unit and its rows leave a shard in one transaction.
"""

import asyncio
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from frontispiece.stores import SqlStore
from services.pickup.model import FACES, Found, Range, Store, Unit, Vector
from services.pickup.tables import STORE, Row, columns, on_their_way, row_in, store_in, stores, units

_COUNT: Final = sa.select(sa.func.count()).where(
    stores.c.cell.between(sa.bindparam("first"), sa.bindparam("last"))
)


class StaleMap(Exception):
    """The shard has not got this unit at this epoch, or gives it away: the map has to be loaded anew."""


class Shard(SqlStore):
    """The stores and the units of one database; every method is one transaction."""

    main_table = stores
    migrations = "services.pickup.migrations"

    def __init__(
        self, name: str, url: str, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        super().__init__(url, now=now)
        self.name = name

    async def claims(self) -> list[Unit]:
        """The units that the shard has, with those that it gives away."""
        async with self.database.read() as tx:
            return [Unit(shard=self.name, **row._mapping) for row in await tx.execute(sa.select(units))]

    async def count(self, unit: Unit) -> int:
        """The number of stores in a unit."""
        async with self.database.read() as tx:
            ends = {"first": unit.first, "last": unit.last}
            number: int = (await tx.execute(_COUNT, ends)).scalar_one()
        return number

    async def cells(self, unit: Unit) -> list[int]:
        """The places on the curve of all stores in a unit."""
        query = sa.select(stores.c.cell).where(stores.c.cell.between(unit.first, unit.last))
        async with self.database.read() as tx:
            return list(await tx.scalars(query))

    async def near(
        self,
        place: Vector,
        farthest: float,
        met: Mapping[Unit, Sequence[Range]],
        *,
        stock: int,
        limit: int,
    ) -> list[Found]:
        """The nearest stores in these parts of units, within a chord, that have all bits of `stock`.

        Raises:
            StaleMap: some unit is not the shard's any more.
        """
        parts = _joined(part for parts in met.values() for part in parts)
        ends = {f"{end}{n}": at for n, part in enumerate(parts) for end, at in part._asdict().items()}
        query = dict(zip("xyz", place, strict=True)) | {"farthest": farthest, "stock": stock, "limit": limit}
        async with self.database.read() as tx:
            rows = (await tx.execute(_nearest(len(parts)), query | ends)).all()
            await _check(tx, met)
        return [Found(store=store_in(row), chord=row.chord, left=row.left_at is not None) for row in rows]

    async def known(self, ids: Collection[str]) -> set[str]:
        """Those of these stores that the shard has."""
        async with self.database.read() as tx:
            return set(await tx.scalars(sa.select(stores.c.id).where(stores.c.id.in_(ids))))

    async def find(self, id_: str) -> list[Row]:
        """The rows of a store in this shard."""
        async with self.database.read() as tx:
            return [row_in(row) for row in await tx.execute(sa.select(stores).where(stores.c.id == id_))]

    async def on_their_way(self) -> list[Row]:
        """The stores that leave for another shard, or have left."""
        async with self.database.read() as tx:
            return [row_in(row) for row in await tx.execute(sa.select(stores).where(on_their_way))]

    async def add(self, unit_stores: Mapping[Unit, Collection[Store]]) -> None:
        """Insert stores, or those of them that are not there yet.

        Raises:
            StaleMap: some unit is not the shard's any more, or is given away.
        """
        rows = [columns(store) for each in unit_stores.values() for store in each]
        async with self.database.write() as tx:
            await _check(tx, unit_stores, writes=True)
            if rows:
                await tx.execute(self._insert(stores).on_conflict_do_nothing(), rows)

    async def change(self, row: Row, new: Store, at: Unit, to: Unit | None) -> bool:
        """Change a store, in its unit or to another unit `to` of this shard; whether it was as in `row`.

        Raises:
            StaleMap: some unit is not the shard's any more, or is given away.
        """
        async with self.database.write() as tx:
            await _check(tx, [at, *([to] if to else [])], writes=True)
            gone = await tx.execute(sa.delete(stores).where(*_same(row), stores.c.leaving.is_(None)))
            if gone.rowcount:
                await self._put(tx, new)
            return bool(gone.rowcount)

    async def announce(self, row: Row, new: Store, at: Unit) -> bool:
        """Note that a store leaves for another shard; whether it was still as in `row`.

        Raises:
            StaleMap: the unit is not the shard's any more, or is given away.
        """
        leaves = sa.update(stores).where(*_same(row), stores.c.leaving.is_(None))
        async with self.database.write() as tx:
            await _check(tx, [at], writes=True)
            return bool((await tx.execute(leaves.values(leaving=json.dumps(asdict(new))))).rowcount)

    async def arrive(self, new: Store, at: Unit) -> None:
        """Insert a store that comes from another shard; again, it changes nothing.

        Raises:
            StaleMap: the unit is not the shard's any more, or is given away.
        """
        async with self.database.write() as tx:
            await _check(tx, [at], writes=True)
            await self._put(tx, new)

    async def leave(self, row: Row, at: Unit) -> None:
        """Turn the row of a store that has arrived in another shard into a copy of the one there.

        A query that has read the other shard before the store arrived finds the copy.

        Raises:
            StaleMap: the unit is not the shard's any more, or is given away.
        """
        assert row.leaving is not None
        values = columns(row.leaving) | {"cell": row.cell, "leaving": None, "left_at": self._now()}
        async with self.database.write() as tx:
            await _check(tx, [at], writes=True)
            await tx.execute(sa.update(stores).where(*_same(row)).values(values))

    async def forget(self, row: Row, at: Unit) -> None:
        """Delete the copy of a store that is in another shard.

        Raises:
            StaleMap: the unit is not the shard's any more, or is given away.
        """
        async with self.database.write() as tx:
            await _check(tx, [at], writes=True)
            await tx.execute(sa.delete(stores).where(*_same(row), stores.c.left_at == row.left_at))

    async def found(self, first_stores: Iterable[Store]) -> None:
        """Take the whole curve, which no shard has yet, with these stores; again, it changes nothing."""
        claims = [{"first": first, "last": last, "epoch": 1} for first, last in FACES]
        rows = await asyncio.to_thread(lambda: [columns(store) for store in first_stores])
        async with self.database.write() as tx:
            insert = self._insert(units).on_conflict_do_nothing().values(claims)
            mine = (await tx.execute(insert.returning(units.c.first))).all()
            if len(mine) == len(claims) and rows:
                await tx.execute(sa.insert(stores), rows)

    async def split(self, unit: Unit, parts: Sequence[Unit]) -> None:
        """Replace a unit by smaller ones.

        Raises:
            StaleMap: the unit is not the shard's any more, or is given away.
        """
        rows = [{name: getattr(part, name) for name in ("first", "last", "epoch", "reads")} for part in parts]
        async with self.database.write() as tx:
            if not (await tx.execute(sa.delete(units).where(*_free(unit)))).rowcount:
                raise StaleMap(f"shard {self.name} has not got the unit {unit.first} to split it")
            await tx.execute(sa.insert(units), rows)

    async def note_reads(self, numbers: Mapping[Unit, int], *, fading: bool = False) -> None:
        """Add to the reads of units; if `fading`, the reads of all units are halved before."""
        add = sa.update(units).where(units.c.first == sa.bindparam("unit"))
        async with self.database.write() as tx:
            if fading:
                await tx.execute(sa.update(units).values(reads=units.c.reads // 2))
            if numbers:
                rows = [{"unit": unit.first, "number": number} for unit, number in numbers.items()]
                await tx.execute(add.values(reads=units.c.reads + sa.bindparam("number")), rows)

    async def fence(self, unit: Unit, to: str) -> None:
        """Refuse changes in a unit from now on: another shard gets it.

        Raises:
            StaleMap: the unit is not the shard's any more, or is given away already.
        """
        async with self.database.write() as tx:
            if not (await tx.execute(sa.update(units).where(*_free(unit)).values(moving_to=to))).rowcount:
                raise StaleMap(f"shard {self.name} has not got the unit {unit.first} to give it away")

    async def rows(self, unit: Unit) -> list[dict[str, Any]]:
        """The rows of all stores in a unit."""
        query = sa.select(stores).where(stores.c.cell.between(unit.first, unit.last))
        async with self.database.read() as tx:
            return [dict(row._mapping) for row in await tx.execute(query)]

    async def take(self, unit: Unit, rows: Sequence[dict[str, Any]]) -> None:
        """Take a unit of another shard over, with its rows; again, it changes nothing."""
        claim = {"first": unit.first, "last": unit.last, "epoch": unit.epoch + 1, "reads": unit.reads}
        async with self.database.write() as tx:
            inside = units.c.first.between(unit.first, unit.last)
            await tx.execute(sa.delete(units).where(inside, units.c.epoch <= unit.epoch))
            if (await tx.execute(sa.select(units.c.first).where(inside))).first():
                return
            taken = await tx.execute(self._insert(units).values(claim).on_conflict_do_nothing())
            if not taken.rowcount:
                return
            await tx.execute(sa.delete(stores).where(stores.c.cell.between(unit.first, unit.last)))
            if rows:
                await tx.execute(sa.insert(stores), list(rows))

    async def drop(self, unit: Unit) -> None:
        """Delete a unit that another shard has taken over, with its rows."""
        gone = sa.delete(units).where(units.c.first == unit.first, units.c.epoch == unit.epoch)
        async with self.database.write() as tx:
            if (await tx.execute(gone)).rowcount:
                await tx.execute(sa.delete(stores).where(stores.c.cell.between(unit.first, unit.last)))

    async def _put(self, tx: AsyncConnection, new: Store) -> None:
        insert = self._insert(stores).values(columns(new))
        await tx.execute(
            insert.on_conflict_do_update(
                index_elements=[stores.c.cell, stores.c.id],
                set_={column.name: insert.excluded[column.name] for column in stores.c},
                where=stores.c.version < new.version,
            )
        )


@cache
def _nearest(parts: int) -> sa.Select[Any] | sa.CompoundSelect[Any]:
    """The query of `Shard.near` for so many parts of the curve; building it takes longer than running it."""
    x, y, z = (stores.c[name] - sa.bindparam(name, type_=sa.Double) for name in "xyz")
    distance = (x * x + y * y + z * z).label("chord")
    stock = sa.bindparam("stock", type_=sa.BigInteger)
    scans = [
        sa.select(*(stores.c[name] for name in (*STORE, "left_at")), distance).where(
            stores.c.cell.between(
                sa.bindparam(f"first{n}", type_=sa.BigInteger), sa.bindparam(f"last{n}", type_=sa.BigInteger)
            ),
            distance <= sa.bindparam("farthest", type_=sa.Double),
            stores.c.stock.bitwise_and(stock) == stock,
        )
        for n in range(parts)
    ]
    return sa.union_all(*scans).order_by("chord").limit(sa.bindparam("limit", type_=sa.Integer))


async def _check(tx: AsyncConnection, believed: Iterable[Unit], *, writes: bool = False) -> None:
    """Raise `StaleMap` unless the shard has these units as believed and, for writes, keeps them."""
    wanted = {unit.first: unit for unit in believed}
    query = sa.select(units.c.first, units.c.epoch, units.c.moving_to).where(units.c.first.in_(wanted))
    if writes:
        query = query.with_for_update(read=True)
    known = {row.first: (row.epoch, row.moving_to) for row in await tx.execute(query)}
    for first, unit in wanted.items():
        if known.get(first) != (unit.epoch, unit.moving_to) or (writes and unit.moving_to is not None):
            raise StaleMap(f"shard {unit.shard} has not got the unit {first} of epoch {unit.epoch}")


def _free(unit: Unit) -> tuple[sa.ColumnElement[bool], ...]:
    return units.c.first == unit.first, units.c.epoch == unit.epoch, units.c.moving_to.is_(None)


def _joined(parts: Iterable[Range]) -> list[Range]:
    """The parts, with adjacent ones joined."""
    joined: list[Range] = []
    for part in sorted(parts):
        if joined and joined[-1].last + 1 == part.first:
            joined[-1] = Range(joined[-1].first, part.last)
        else:
            joined.append(part)
    return joined


def _same(row: Row) -> tuple[sa.ColumnElement[bool], ...]:
    return stores.c.cell == row.cell, stores.c.id == row.store.id, stores.c.version == row.store.version
