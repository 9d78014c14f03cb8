"""What ordering keeps: orders, each of which is also the first answer to the request that placed it."""

import uuid
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from kit.db import Database
from kit.idempotency import Intent
from kit.problems import Problem
from services.ordering.model import Bill, Order, OrderLine, Status, order_id

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

metadata = sa.MetaData()

orders = sa.Table(
    "orders",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),  # made of owner and idempotency key: one order for both
    sa.Column("owner", sa.String(200), nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),  # of the request that placed it
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("lines", sa.JSON, nullable=False),
    sa.Column("placed_at", sa.BigInteger, nullable=False),  # Unix time in microseconds
    sa.Column("reservation_key", sa.String(36), nullable=False),
    sa.Column("reservation_id", sa.String(64)),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Index("orders_of_owner", "owner", "placed_at", "id"),
)


class Store:
    """Orders in one database; every method is one transaction.

    The methods that move an order on change it only where it still stands as the caller saw it, and return it
    as it stands afterwards, None when it is gone. So several may work on one order at once, and each sees
    what the others have done.
    """

    def __init__(self, url: str, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.database = Database(url, metadata)
        self._now = now

    async def find(self, intent: Intent) -> Order | None:
        """The order that this intent has already; None when it is new.

        Raises:
            Problem: 422 `idempotency-key-reused` when the key came with another request before.
        """
        async with self.database.read() as tx:
            row = await _row(tx, order_id(intent.owner, intent.key))
        if row is None:
            return None
        if row.digest != intent.digest:
            raise Problem(
                422, "idempotency-key-reused", "This Idempotency-Key came with another request before."
            )
        return _order(row)

    async def start(self, intent: Intent, bill: Bill) -> Order:
        """Write down what is about to be ordered, as pending; an intent that has an order keeps that one.

        Raises:
            Problem: 422 `idempotency-key-reused`, as `find`; 409 `request-in-progress` when another try with
                the same intent came and went at this moment.
        """
        row = {
            "id": order_id(intent.owner, intent.key),
            "owner": intent.owner,
            "digest": intent.digest,
            "status": Status.PENDING,
            "currency": bill.currency,
            "lines": [asdict(line) for line in bill.lines],
            "placed_at": (self._now() - EPOCH) // MICROSECOND,
            "reservation_key": str(uuid.uuid4()),
            "version": 1,
        }
        try:
            async with self.database.write() as tx:
                await tx.execute(orders.insert().values(row))
        except IntegrityError:
            pass  # another try with this intent was faster: its order is this one's, too
        order = await self.find(intent)
        if order is None:
            raise in_progress()
        return order

    async def hold(self, order: Order, reservation_id: str) -> Order | None:
        """Note the reservation that the order's key brought; only a noted reservation may be committed."""
        return await self._change(order, reservation_id=reservation_id)

    async def renew(self, order: Order) -> Order | None:
        """Have a new reservation made under a new key, because the noted one has ended without a sale."""
        return await self._change(order, reservation_id=None, reservation_key=str(uuid.uuid4()))

    async def confirm(self, order: Order) -> Order | None:
        """Note that the pieces of the noted reservation are sold."""
        return await self._change(order, status=Status.CONFIRMED)

    async def withdraw(self, order: Order) -> Order | None:
        """Forget a pending order for which nothing is set aside, so that its key may be tried anew."""
        async with self.database.write() as tx:
            await tx.execute(orders.delete().where(_stands_as(order) & orders.c.reservation_id.is_(None)))
            row = await _row(tx, order.id)
            return _order(row) if row else None

    async def order(self, id_: str, owner: str) -> Order | None:
        """An owner's order; None when there is none."""
        async with self.database.read() as tx:
            row = await _row(tx, id_)
        return _order(row) if row and row.owner == owner else None

    async def orders(self, owner: str, limit: int, after: tuple[int, str] | None = None) -> list[Order]:
        """An owner's orders, newest first, beginning after the order with this sort key."""
        query = sa.select(orders).where(orders.c.owner == owner)
        if after is not None:
            query = query.where(sa.tuple_(orders.c.placed_at, orders.c.id) < after)
        query = query.order_by(orders.c.placed_at.desc(), orders.c.id.desc()).limit(limit)
        async with self.database.read() as tx:
            return [_order(row) for row in await tx.execute(query)]

    async def _change(self, order: Order, **values: Any) -> Order | None:
        change = orders.update().where(_stands_as(order)).values(version=orders.c.version + 1, **values)
        async with self.database.write() as tx:
            await tx.execute(change)
            row = await _row(tx, order.id)
            return _order(row) if row else None


def sort_key(order: Order) -> tuple[int, str]:
    """What the list of orders is sorted by."""
    return (order.placed_at - EPOCH) // MICROSECOND, order.id


def in_progress() -> Problem:
    """What a try is told that met another try with the same intent in an awkward moment."""
    return Problem(
        409,
        "request-in-progress",
        "The same request is being carried out. Try again.",
        headers={"Retry-After": "1"},
    )


def _stands_as(order: Order) -> sa.ColumnElement[bool]:
    """Pending, and neither moved on nor replaced since it was seen: each key is drawn once."""
    return (
        (orders.c.id == order.id)
        & (orders.c.status == Status.PENDING)
        & (orders.c.reservation_key == order.reservation_key)
        & orders.c.reservation_id.is_not_distinct_from(order.reservation_id)
    )


async def _row(tx: AsyncConnection, id_: str) -> sa.Row[Any] | None:
    return (await tx.execute(sa.select(orders).where(orders.c.id == id_))).one_or_none()


def _order(row: sa.Row[Any]) -> Order:
    return Order(
        id=row.id,
        owner=row.owner,
        status=Status(row.status),
        bill=Bill(currency=row.currency, lines=tuple(OrderLine(**line) for line in row.lines)),
        placed_at=EPOCH + row.placed_at * MICROSECOND,
        reservation_key=row.reservation_key,
        reservation_id=row.reservation_id,
        version=row.version,
    )
