"""What inventory keeps: two tables of stock and reservations, and the first answers to their creation."""

import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from kit.db import Database
from kit.idempotency import Answers, Intent
from services.inventory.model import (
    BelowReserved,
    Line,
    OutOfStock,
    Reservation,
    Shortage,
    Status,
    Stock,
    combine,
    end,
)

metadata = sa.MetaData()

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

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
    sa.Column(
        "expires_at", sa.BigInteger, nullable=False
    ),  # Unix time in microseconds: alike in both databases
    sa.Column("version", sa.Integer, nullable=False, default=1),
    sa.Index("reservations_to_expire", "status", "expires_at"),
)

answers = Answers(metadata)


class Store:
    """Stock and reservations in one database; every method is one transaction."""

    def __init__(self, url: str, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.database = Database(url, metadata)
        self._now = now

    async def is_empty(self) -> bool:
        """Whether there is no article at all yet."""
        async with self.database.read() as tx:
            return (await tx.execute(sa.select(stock.c.sku).limit(1))).first() is None

    async def levels(self, skus: Sequence[str]) -> dict[str, Stock]:
        """The stock of those of these articles that are known."""
        async with self.database.read() as tx:
            rows = await tx.execute(sa.select(stock).where(stock.c.sku.in_(skus)))
            return {row.sku: Stock(**row._mapping) for row in rows}

    async def add(self, levels: Iterable[tuple[str, int]]) -> None:
        """Enter new articles with their counts, all or none."""
        async with self.database.write() as tx:
            await tx.execute(stock.insert(), [{"sku": sku, "on_hand": on_hand} for sku, on_hand in levels])

    async def count(self, sku: str, on_hand: int, version: int | None) -> Stock | None:
        """Set how many pieces are on the shelf; `version` is the one last seen, None for a new article.

        Returns None when the version is not the current one.

        Raises:
            BelowReserved: more pieces are reserved than the new count has.
        """
        async with self.database.write() as tx:
            known = (
                await tx.execute(sa.select(stock).where(stock.c.sku == sku).with_for_update())
            ).one_or_none()
            if (known and known.version) != version:
                return None
            if known is None:
                return await _enter(tx, sku, on_hand)
            if on_hand < known.reserved:
                raise BelowReserved(f"{known.reserved} pieces are reserved.")
            changed = {"on_hand": on_hand, "version": known.version + 1}
            await tx.execute(stock.update().where(stock.c.sku == sku).values(**changed))
            return Stock(**{**known._mapping, **changed})

    async def reserve(self, intent: Intent, lines: Iterable[Line], lasts: timedelta) -> Reservation:
        """Set pieces aside, all lines or none; the same intent gives the same reservation.

        Raises:
            OutOfStock: some line asks for more than is available.
        """
        await self.expire()
        async with self.database.write() as tx:
            known: str | None = await answers.first(tx, intent)
            if known is not None:
                return await _reservation(tx, known)
            held = Reservation(
                id=str(uuid.uuid4()),
                owner=intent.owner,
                lines=combine(lines),
                status=Status.HELD,
                expires_at=self._now() + lasts,
                version=1,
            )
            await answers.keep(tx, intent, held.id)
            await _set_aside(tx, held.lines)
            await tx.execute(
                reservations.insert().values(
                    id=held.id,
                    owner=held.owner,
                    status=held.status,
                    lines=[[line.sku, line.quantity] for line in held.lines],
                    expires_at=_microseconds(held.expires_at),
                )
            )
            return held

    async def reservation(self, reservation_id: str, owner: str) -> Reservation | None:
        """An owner's reservation; None when there is none."""
        async with self.database.read() as tx:
            return await _reservation_of(tx, reservation_id, owner)

    async def release(self, reservation_id: str, owner: str) -> Reservation | None:
        """Give the pieces back; doing it again changes nothing. None when the owner has no such reservation.

        Raises:
            NotHeld: it was committed or has expired.
        """
        return await self._end(reservation_id, owner, Status.RELEASED)

    async def commit(self, reservation_id: str, owner: str) -> Reservation | None:
        """Take the pieces off the shelf; doing it again changes nothing. None when there is nothing to take.

        Raises:
            NotHeld: it was released or has expired.
        """
        return await self._end(reservation_id, owner, Status.COMMITTED)

    async def expire(self) -> int:
        """End every reservation whose time is over; returns how many there were."""
        due = (reservations.c.status == Status.HELD) & (
            reservations.c.expires_at <= _microseconds(self._now())
        )
        async with self.database.read() as tx:
            if (await tx.execute(sa.select(reservations.c.id).where(due).limit(1))).first() is None:
                return 0
        async with self.database.write() as tx:
            rows = (
                await tx.execute(sa.select(reservations).where(due).with_for_update(skip_locked=True))
            ).all()
            ids = [row.id for row in rows]
            ended = {"status": Status.EXPIRED, "version": reservations.c.version + 1}
            await tx.execute(reservations.update().where(reservations.c.id.in_(ids)).values(**ended))
            await _give_back(tx, [line for row in rows for line in _lines(row.lines)], sold=False)
            return len(ids)

    async def _end(self, reservation_id: str, owner: str, how: Status) -> Reservation | None:
        await self.expire()
        async with self.database.write() as tx:
            reservation = await _reservation_of(tx, reservation_id, owner)
            if reservation is None or not end(reservation, how):
                return reservation
            changed = {"status": how, "version": reservation.version + 1}
            await tx.execute(
                reservations.update().where(reservations.c.id == reservation_id).values(**changed)
            )
            await _give_back(tx, reservation.lines, sold=how is Status.COMMITTED)
            return await _reservation(tx, reservation_id)


async def _enter(tx: AsyncConnection, sku: str, on_hand: int) -> Stock | None:
    try:
        await tx.execute(stock.insert().values(sku=sku, on_hand=on_hand))
    except IntegrityError:  # somebody else entered it a moment before
        return None
    return Stock(sku=sku, on_hand=on_hand, reserved=0, version=1)


async def _set_aside(tx: AsyncConnection, lines: Sequence[Line]) -> None:
    shortages = []
    for line in lines:
        enough = (stock.c.sku == line.sku) & (stock.c.on_hand - stock.c.reserved >= line.quantity)
        change = {"reserved": stock.c.reserved + line.quantity, "version": stock.c.version + 1}
        done = await tx.execute(stock.update().where(enough).values(**change))
        if done.rowcount == 0:
            left = sa.select(stock.c.on_hand - stock.c.reserved).where(stock.c.sku == line.sku)
            available = (await tx.execute(left)).scalar() or 0
            shortages.append(Shortage(sku=line.sku, wanted=line.quantity, available=available))
    if shortages:
        raise OutOfStock(tuple(shortages))


async def _give_back(tx: AsyncConnection, lines: Iterable[Line], *, sold: bool) -> None:
    for line in combine(lines):
        change = {"reserved": stock.c.reserved - line.quantity, "version": stock.c.version + 1}
        if sold:
            change["on_hand"] = stock.c.on_hand - line.quantity
        await tx.execute(stock.update().where(stock.c.sku == line.sku).values(**change))


async def _reservation_of(tx: AsyncConnection, reservation_id: str, owner: str) -> Reservation | None:
    known = sa.select(reservations.c.owner).where(reservations.c.id == reservation_id).with_for_update()
    return await _reservation(tx, reservation_id) if (await tx.execute(known)).scalar() == owner else None


async def _reservation(tx: AsyncConnection, reservation_id: str) -> Reservation:
    row = (await tx.execute(sa.select(reservations).where(reservations.c.id == reservation_id))).one()
    return Reservation(
        id=row.id,
        owner=row.owner,
        lines=_lines(row.lines),
        status=Status(row.status),
        expires_at=EPOCH + timedelta(microseconds=row.expires_at),
        version=row.version,
    )


def _lines(kept: Iterable[tuple[str, int]]) -> tuple[Line, ...]:
    return tuple(Line(sku=sku, quantity=quantity) for sku, quantity in kept)


def _microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)
