"""Inventory's database: tables of stock and reservations, first responses, and messages in and out."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from frontispiece.events import FactLog, Inbox, Outbox
from frontispiece.service import IdempotencyRecords, Intent
from frontispiece.stores import Moment, SqlStore
from services.inventory.events import ReservationExpired, Restocked
from services.inventory.model import (
    ORDERS,
    BelowReserved,
    Line,
    OutOfStock,
    Reservation,
    Shortage,
    Status,
    Stock,
    combine,
    must_change,
)
from shop.replay import RETENTION

metadata = sa.MetaData()

stock = sa.Table(
    "stock",
    metadata,
    sa.Column("sku", sa.String(64), primary_key=True),
    sa.Column("on_hand", sa.Integer, nullable=False),
    sa.Column("reserved", sa.Integer, nullable=False, default=0),
    sa.Column("version", sa.Integer, nullable=False, default=1),
    sa.CheckConstraint("reserved >= 0 AND on_hand >= reserved", name="never_below_zero"),
)

reservations = sa.Table(
    "reservations",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("owner", sa.String(200), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("lines", sa.JSON, nullable=False),
    sa.Column("expires_at", Moment, nullable=False),
    sa.Column("version", sa.Integer, nullable=False, default=1),
    sa.Index("reservations_to_expire", "status", "expires_at"),
)

idempotency_records = IdempotencyRecords(metadata)
facts = FactLog(metadata, {Restocked}, retention=RETENTION)
outbox = Outbox(metadata, source="inventory", log=facts)
inbox = Inbox(metadata)

# Made once: to make a statement costs more than to run it.
_LEVELS = sa.select(stock).where(stock.c.sku.in_(sa.bindparam("skus", expanding=True)))
_RESERVE = (
    stock.update()
    .where(stock.c.sku == sa.bindparam("of"), stock.c.on_hand - stock.c.reserved >= sa.bindparam("quantity"))
    .values(reserved=stock.c.reserved + sa.bindparam("quantity"), version=stock.c.version + 1)
)
_MOVE = (
    stock.update()
    .where(stock.c.sku == sa.bindparam("of"))
    .values(
        reserved=stock.c.reserved + sa.bindparam("by_reserved"),
        on_hand=stock.c.on_hand - sa.bindparam("by_sold"),
        version=stock.c.version + 1,
    )
)
_RESERVATION = sa.select(reservations).where(reservations.c.id == sa.bindparam("of"))
_LOCKED = _RESERVATION.with_for_update()
_INSERT = reservations.insert()
_END = reservations.update().where(reservations.c.id == sa.bindparam("of"))
_EXPIRED = (reservations.c.status == Status.HELD, reservations.c.expires_at <= sa.bindparam("now"))
_IS_DUE = sa.select(reservations.c.id).where(*_EXPIRED).limit(1)
_DUE = sa.select(reservations).where(*_EXPIRED).with_for_update(skip_locked=True)


class Store(SqlStore):
    """Stock and reservations in one database; every method is one transaction."""

    main_table = stock
    migrations = "services.inventory.migrations"

    async def levels(self, skus: Sequence[str]) -> dict[str, Stock]:
        """The stock of these articles, by sku; unknown skus are left out."""
        async with self.database.read() as tx:
            return {row.sku: Stock(**row._mapping) for row in await tx.execute(_LEVELS, {"skus": skus})}

    async def add(self, levels: Iterable[tuple[str, int]]) -> None:
        """Insert articles with their counts, all or none."""
        async with self.database.write() as tx:
            await tx.execute(stock.insert(), [{"sku": sku, "on_hand": on_hand} for sku, on_hand in levels])

    async def count(self, sku: str, on_hand: int, version: int | None) -> Stock | None:
        """Insert an article (`version` None), or set the units on hand of its current version.

        Returns None when `version` is not the current one.

        Raises:
            BelowReserved: the new count is less than the reserved units.
        """
        async with self.database.write() as tx:
            row = (
                await tx.execute(sa.select(stock).where(stock.c.sku == sku).with_for_update())
            ).one_or_none()
            if (row and row.version) != version:
                return None
            if row is None:
                return await _insert(tx, sku, on_hand)
            if on_hand < row.reserved:
                raise BelowReserved(f"{row.reserved} units are reserved.")
            changed = {"on_hand": on_hand, "version": row.version + 1}
            await tx.execute(stock.update().where(stock.c.sku == sku).values(**changed))
            counted = Stock(**{**row._mapping, **changed})
            if row.on_hand == row.reserved and counted.available:
                await outbox.add(tx, Restocked(sku=sku, available=counted.available), subject=sku)
            return counted

    async def reserve(self, intent: Intent, lines: Iterable[Line], lifetime: timedelta) -> Reservation:
        """Reserve all lines or none; a retry of the same intent gets the same reservation.

        Raises:
            OutOfStock: some line wants more than is available.
        """
        await self.expire()
        async with self.database.write() as tx:
            first: str | None = await idempotency_records.find(tx, intent)
            if first is not None:
                return await _reservation(tx, first)
            reservation = self.new(str(uuid.uuid4()), intent.owner, lines, lifetime)
            await idempotency_records.save(tx, intent, reservation.id)
            await insert(tx, reservation)
            return reservation

    def new(
        self,
        reservation_id: str,
        owner: str,
        lines: Iterable[Line],
        lifetime: timedelta,
        status: Status = Status.HELD,
    ) -> Reservation:
        """A reservation that is not stored yet."""
        return Reservation(
            id=reservation_id,
            owner=owner,
            lines=combine(lines),
            status=status,
            expires_at=self._now() + lifetime,
            version=1,
        )

    async def reservation(self, reservation_id: str, owner: str) -> Reservation | None:
        """An owner's reservation; None when there is none."""
        async with self.database.read() as tx:
            return await find(tx, reservation_id, owner)

    async def release(self, reservation_id: str, owner: str) -> Reservation | None:
        """Release the units; repeating it is harmless. None when the owner has no such reservation.

        Raises:
            NotHeld: it was committed or has expired.
        """
        return await self._end(reservation_id, owner, Status.RELEASED)

    async def commit(self, reservation_id: str, owner: str) -> Reservation | None:
        """Take the units out of stock; repeating it is harmless. None when the owner has no such reservation.

        Raises:
            NotHeld: it was released or has expired.
        """
        return await self._end(reservation_id, owner, Status.COMMITTED)

    async def expire(self) -> int:
        """Expire every reservation that is due, and publish those of orders; returns how many there were."""
        now = {"now": self._now()}
        async with self.database.read() as tx:
            if (await tx.execute(_IS_DUE, now)).first() is None:
                return 0
        async with self.database.write() as tx:
            rows = (await tx.execute(_DUE, now)).all()
            ids = [row.id for row in rows]
            changed = {"status": Status.EXPIRED, "version": reservations.c.version + 1}
            await tx.execute(reservations.update().where(reservations.c.id.in_(ids)).values(**changed))
            lines = [line for row in rows for line in _lines(row.lines)]
            await _move(tx, lines, Status.HELD, Status.EXPIRED)
            for order_id in (row.id for row in rows if row.owner == ORDERS):
                await outbox.add(tx, ReservationExpired(order_id=order_id), subject=order_id)
            return len(ids)

    async def _end(self, reservation_id: str, owner: str, status: Status) -> Reservation | None:
        await self.expire()
        async with self.database.write() as tx:
            reservation = await find(tx, reservation_id, owner)
            if reservation is None or not must_change(reservation, status):
                return reservation
            return await end(tx, reservation, status)


async def insert(tx: AsyncConnection, reservation: Reservation) -> None:
    """Insert a reservation, and reserve its lines.

    Raises:
        OutOfStock: some line wants more than is available; leave the transaction with it.
    """
    await _reserve(tx, reservation.lines)
    await tx.execute(_INSERT, asdict(reservation))


async def find(tx: AsyncConnection, reservation_id: str, owner: str) -> Reservation | None:
    """An owner's reservation, which others cannot change meanwhile; None when there is none."""
    row = (await tx.execute(_LOCKED, {"of": reservation_id})).one_or_none()
    return None if row is None or row.owner != owner else _of(row)


async def end(tx: AsyncConnection, reservation: Reservation, status: Status) -> Reservation:
    """Bring a reservation into the state in which it ends, and its units with it."""
    ended = replace(reservation, status=status, version=reservation.version + 1)
    await tx.execute(_END, {"of": ended.id, "status": status, "version": ended.version})
    await _move(tx, reservation.lines, reservation.status, status)
    return ended


async def _insert(tx: AsyncConnection, sku: str, on_hand: int) -> Stock | None:
    try:
        await tx.execute(stock.insert().values(sku=sku, on_hand=on_hand))
    except IntegrityError:  # another writer was faster
        return None
    return Stock(sku=sku, on_hand=on_hand, reserved=0, version=1)


async def _reserve(tx: AsyncConnection, lines: Sequence[Line]) -> None:
    shortages = []
    for line in lines:
        result = await tx.execute(_RESERVE, {"of": line.sku, "quantity": line.quantity})
        if result.rowcount == 0:
            rest = sa.select(stock.c.on_hand - stock.c.reserved).where(stock.c.sku == line.sku)
            available = (await tx.execute(rest)).scalar() or 0
            shortages.append(Shortage(sku=line.sku, wanted=line.quantity, available=available))
    if shortages:
        raise OutOfStock(tuple(shortages))


async def _move(tx: AsyncConnection, lines: Iterable[Line], before: Status, after: Status) -> None:
    """Change the stock as reservations with these lines go from one state into another."""
    reserved = (after is Status.HELD) - (before is Status.HELD)
    sold = (after is Status.COMMITTED) - (before is Status.COMMITTED)
    for line in combine(lines):
        moved = {"of": line.sku, "by_reserved": reserved * line.quantity, "by_sold": sold * line.quantity}
        await tx.execute(_MOVE, moved)


async def _reservation(tx: AsyncConnection, reservation_id: str) -> Reservation:
    return _of((await tx.execute(_RESERVATION, {"of": reservation_id})).one())


def _of(row: sa.Row[Any]) -> Reservation:
    return Reservation(**{**row._mapping, "lines": _lines(row.lines), "status": Status(row.status)})


def _lines(stored: Iterable[dict[str, Any]]) -> tuple[Line, ...]:
    return tuple(Line(**line) for line in stored)
