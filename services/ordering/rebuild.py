"""A second set of the read model's tables, made from the log's beginning while the first one serves.

1. The tables that are not live are emptied, or, after a rebuild that was killed, taken as they are.
2. They are caught up with the log, batch by batch; nothing but these tables is written.
3. In one transaction that no projector can interrupt, both sets are brought to the same position and compared
   by the hashes of their rows. When they are equal, the new ones become live; the others stay as they are
   until the next rebuild. Tables of a log that was replaced by a backup are not compared.

Its own lock excludes a second rebuild, and ends with the process however that ends. Its first and last step
lock the row that a starting or running projector locks, so that neither sees the other half-way.
"""

import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from frontispiece.stores import Database
from services.ordering.event_store import EventStore, LogReplaced, Seen
from services.ordering.projection import PROJECTION, project
from services.ordering.projector import Projector
from services.ordering.read_store import ReadStore, live
from services.ordering.read_tables import GENERATIONS, Generation, State, generations
from services.ordering.rebuild_lock import rebuild_lock

BATCH: Final = 5000
"""Events that are applied in one transaction."""

NAMED_KEYS: Final = 5
"""The most rows that a refusal names."""


class TablesDiffer(Exception):
    """The rebuilt tables are not equal to the live ones, which stay live."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far a rebuild is: the position that it began or resumed at, and the one that it has reached."""

    began: int
    position: int


class Rebuild:
    """A rebuild of the read model.

    Args:
        database: of the log.
        events: the log.
        store: the read model.
        batch: events that are applied in one transaction.
    """

    def __init__(
        self, database: Database, events: EventStore, store: ReadStore, *, batch: int = BATCH
    ) -> None:
        self._database = database
        self._events = events
        self._store = store
        self._batch = batch

    async def run(self, report: Callable[[Progress], None], *, accept_differences: bool = False) -> Progress:
        """Rebuild, compare and switch.

        Args:
            report: called with the progress after each batch.
            accept_differences: whether the new tables become live though they are not equal to the old ones.

        Raises:
            RebuildRunning: another rebuild is running.
            TablesDiffer: the tables are not equal, though the same version of the projection made them.
            Problem: a database is away; another run goes on from there.
        """
        async with rebuild_lock(self._store.database):
            target, seen = await self._begin()
            began = seen.position
            while await self._has_more(seen.position):
                seen = await self._advance(target, seen)
                report(Progress(began=began, position=seen.position))
            projector = Projector(self._database, self._events, self._store)
            with suppress(LogReplaced):
                while await projector.advance(
                    self._batch
                ):  # the live ones lag where no instance of ordering runs
                    pass
            position = await self._switch(target, accept_differences=accept_differences)
            return Progress(began=began, position=position)

    async def _begin(self) -> tuple[Generation, Seen]:
        """The tables to build, and what they have seen: nothing, unless a killed rebuild is resumed."""
        async with self._store.database.write() as tx:
            serving, _ = await live(tx, lock=True)
            (target,) = (each for each in GENERATIONS.values() if each is not serving)
            row = (await tx.execute(sa.select(generations).where(_named(target)))).one_or_none()
            if row is not None and (row.state, row.projection) == (State.BUILDING, PROJECTION):
                rest = Seen(position=row.position, recorded_at=row.recorded_at)
                with suppress(LogReplaced):
                    async with self._database.read() as log_tx:
                        await self._events.read(log_tx, rest, 0)
                    return target, rest
            for table in target.tables:
                await tx.execute(table.delete())
            await tx.execute(generations.delete().where(_named(target)))
            new = {"name": target.name, "state": State.BUILDING, "position": 0, "projection": PROJECTION}
            await tx.execute(generations.insert().values(new))
        return target, Seen()

    async def _has_more(self, position: int) -> bool:
        async with self._database.read() as tx:
            return await self._events.last_position(tx) > position

    async def _advance(self, target: Generation, seen: Seen) -> Seen:
        """Apply a batch, read before the write transaction, which keeps others waiting."""
        async with self._database.read() as tx:
            events = await self._events.read(tx, seen, self._batch)
        async with self._store.database.write() as tx:
            return await project(tx, target, seen, events)

    async def _switch(self, target: Generation, *, accept_differences: bool) -> int:
        async with self._store.database.write() as tx:
            serving, _ = await live(tx, lock=True)
            async with self._database.read() as log_tx:
                end = await self._events.last_position(log_tx)
                await self._level(tx, log_tx, target, end)
                made_by = await tx.scalar(sa.select(generations.c.projection).where(_named(serving)))
                with suppress(LogReplaced):
                    await self._level(tx, log_tx, serving, end)
                    if not accept_differences and made_by == PROJECTION:
                        await _compare(tx, serving, target)
            await tx.execute(generations.update().where(_named(serving)).values(state=State.RETIRED))
            await tx.execute(generations.update().where(_named(target)).values(state=State.LIVE))
        return end

    async def _level(self, tx: AsyncConnection, log_tx: AsyncConnection, of: Generation, end: int) -> None:
        """Bring a set of tables up to this end of the log."""
        row = (await tx.execute(sa.select(generations).where(_named(of)))).one()
        seen, is_behind = Seen(position=row.position, recorded_at=row.recorded_at), True
        while is_behind:
            events = await self._events.read(log_tx, seen, min(self._batch, max(end - seen.position, 0)))
            seen = await project(tx, of, seen, events)
            is_behind = seen.position < end


async def _compare(tx: AsyncConnection, serving: Generation, target: Generation) -> None:
    """Return when all tables of both sets have the same rows.

    Raises:
        TablesDiffer: with the first keys of rows that differ.
    """
    for old, new in zip(serving.tables, target.tables, strict=True):
        if await _digest(tx, old) == await _digest(tx, new):
            continue
        rows, others = [{key: row_hash async for key, row_hash in _hashes(tx, table)} for table in (old, new)]
        keys = sorted(key for key in rows.keys() | others.keys() if rows.get(key) != others.get(key))
        named = ", ".join("/".join(key) for key in keys[:NAMED_KEYS])
        more = f" and {len(keys) - NAMED_KEYS} more" if len(keys) > NAMED_KEYS else ""
        raise TablesDiffer(f"{new.name} is not equal to {old.name}: {named}{more}. {old.name} stays live.")


async def _digest(tx: AsyncConnection, table: sa.Table) -> bytes:
    """The hash of all row hashes, in the order of the primary key."""
    digest = hashlib.sha256()
    async for _, row_hash in _hashes(tx, table):
        digest.update(row_hash)
    return digest.digest()


async def _hashes(tx: AsyncConnection, table: sa.Table) -> AsyncIterator[tuple[tuple[str, ...], bytes]]:
    """The primary key and SHA-256 of each row."""
    key = [column.name for column in table.primary_key.columns]
    query = sa.select(table).order_by(*table.primary_key.columns)
    async for row in await tx.stream(query, execution_options={"yield_per": 1000}):
        fields = msgspec.json.encode(list(row))
        yield tuple(str(row._mapping[name]) for name in key), hashlib.sha256(fields).digest()


def _named(generation: Generation) -> sa.ColumnElement[bool]:
    return generations.c.name == generation.name
