"""Handlers of the checkout's commands: each stores its change and its answer in one transaction."""

from datetime import timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from frontispiece.events import Event, EventData
from services.inventory.events import (
    CommitStock,
    ReleaseStock,
    ReservationExpired,
    ReservationRefused,
    ReserveStock,
    Shortage,
    StockCommitted,
    StockReleased,
    StockReserved,
)
from services.inventory.model import ORDERS, Line, OutOfStock, Reservation, Status
from services.inventory.store import Store, end, find, inbox, insert, outbox

OUT_OF_STOCK: Final = "out-of-stock"
RELEASED: Final = "released"


class NotReserved(Exception):
    """The units to sell are not reserved yet: the message has to be delivered again."""


class Handlers:
    """Carries out the commands of the checkout; each is answered, also one that is repeated or late."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def reserve(self, event: Event[ReserveStock]) -> None:
        """Reserve all lines or none."""
        command = event.data
        await self._store.expire()
        async with self._store.database.write() as tx:
            await inbox.record(tx, event)
            reservation = await find(tx, command.order_id, ORDERS)
            answer = _reserved(reservation) if reservation else await self._reserve(tx, command)
            await outbox.add(tx, answer, subject=command.order_id)

    async def commit(self, event: Event[CommitStock]) -> None:
        """Sell the reserved units."""
        order_id = event.data.order_id
        await self._store.expire()
        async with self._store.database.write() as tx:
            await inbox.record(tx, event)
            reservation = await find(tx, order_id, ORDERS)
            if reservation is None:
                raise NotReserved(f"Nothing is reserved for {order_id} yet.")
            if reservation.status is Status.HELD:
                reservation = await end(tx, reservation, Status.COMMITTED)
            await outbox.add(tx, _committed(reservation), subject=order_id)

    async def release(self, event: Event[ReleaseStock]) -> None:
        """Free the units, or take them back into stock; what comes to be reserved later is refused."""
        order_id = event.data.order_id
        async with self._store.database.write() as tx:
            await inbox.record(tx, event)
            reservation = await find(tx, order_id, ORDERS)
            if reservation is None:
                await insert(tx, self._store.new(order_id, ORDERS, (), timedelta(0), Status.RELEASED))
            elif reservation.status is not Status.RELEASED:
                await end(tx, reservation, Status.RELEASED)
            await outbox.add(tx, StockReleased(order_id=order_id), subject=order_id)

    async def _reserve(self, tx: AsyncConnection, command: ReserveStock) -> EventData:
        lines = [Line(sku=line.sku, quantity=line.quantity) for line in command.lines]
        lifetime = timedelta(seconds=command.ttl_seconds)
        try:
            async with tx.begin_nested():
                await insert(tx, self._store.new(command.order_id, ORDERS, lines, lifetime))
        except OutOfStock as refusal:
            shortages = tuple(
                Shortage(sku=each.sku, wanted=each.wanted, available=each.available)
                for each in refusal.shortages
            )
            return ReservationRefused(order_id=command.order_id, reason=OUT_OF_STOCK, shortages=shortages)
        return StockReserved(order_id=command.order_id)


def _reserved(reservation: Reservation) -> EventData:
    """The answer to a reservation that is there already."""
    match reservation.status:
        case Status.RELEASED:
            return ReservationRefused(order_id=reservation.id, reason=RELEASED)
        case Status.EXPIRED:
            return ReservationExpired(order_id=reservation.id)
        case _:
            return StockReserved(order_id=reservation.id)


def _committed(reservation: Reservation) -> EventData:
    match reservation.status:
        case Status.RELEASED:
            return StockReleased(order_id=reservation.id)
        case Status.EXPIRED:
            return ReservationExpired(order_id=reservation.id)
        case _:
            return StockCommitted(order_id=reservation.id)
