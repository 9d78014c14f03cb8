"""Shipping's database: the shipments, their tracking events, and the messages that led to them."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from frontispiece.events import Event, Inbox, Outbox, Reject
from frontispiece.stores import Moment, SqlStore
from services.shipping.events import (
    CancelShipment,
    CreateShipment,
    ShipmentCancelled,
    ShipmentCreated,
    ShipmentDelivered,
    ShipmentDispatched,
    ShipmentRefused,
)
from services.shipping.model import (
    NEXT,
    AlreadyDelivered,
    Draft,
    Durations,
    Refusal,
    Shipment,
    Status,
    TrackingEvent,
    must_cancel,
    refusal,
    shipment_id,
    tracking_code,
)

metadata = sa.MetaData()

shipments = sa.Table(
    "shipments",
    metadata,
    sa.Column("order_id", sa.String(36), primary_key=True),
    sa.Column("id", sa.String(36), nullable=False),
    sa.Column("owner", sa.String(200)),
    sa.Column("method", sa.Text, nullable=False, default=""),
    sa.Column("store", sa.String(200), nullable=False, default="", server_default=""),
    sa.Column("address", sa.JSON),
    sa.Column("lines", sa.JSON),
    sa.Column("tracking_code", sa.String(16), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("reason", sa.String(32), nullable=False, default=""),
    sa.Column("due_at", Moment, index=True),
    sa.Column("version", sa.Integer, nullable=False),
)

tracking_events = sa.Table(
    "tracking_events",
    metadata,
    sa.Column("order_id", sa.String(36), sa.ForeignKey("shipments.order_id"), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("at", Moment, nullable=False),
)

outbox = Outbox(metadata, source="shipping")
inbox = Inbox(metadata)

BATCH: Final = 100
"""Shipments that move on in one transaction."""

_SHIPMENT: Final = [shipments.c[name] for name in Shipment.__dataclass_fields__ if name != "tracking"]
_LOCKED: Final = sa.select(*_SHIPMENT).where(shipments.c.order_id == sa.bindparam("of")).with_for_update()
_CHANGE: Final = shipments.update().where(shipments.c.order_id == sa.bindparam("of"))
_TRACK: Final = tracking_events.insert()
_IS_DUE: Final = sa.select(shipments.c.order_id).where(shipments.c.due_at <= sa.bindparam("now")).limit(1)
_DUE: Final = (
    sa.select(*_SHIPMENT)
    .where(shipments.c.due_at <= sa.bindparam("now"))
    .order_by(shipments.c.due_at)
    .limit(BATCH)
    .with_for_update(skip_locked=True)
)


class Store(SqlStore):
    """Shipments in one database; every method is one transaction, `advance` one for each `BATCH`.

    Args:
        url: of the database.
        durations: how long a shipment stays in its states.
        now: the current time.
    """

    main_table = shipments
    migrations = "services.shipping.migrations"

    def __init__(
        self, url: str, *, durations: Durations, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        super().__init__(url, now=now)
        self._durations = durations
        insert = self._insert(shipments).on_conflict_do_nothing()
        self._insertion = insert.returning(shipments.c.order_id)

    async def create(self, event: Event[CreateShipment]) -> None:
        """Create or refuse the shipment of an order; the first command for an order decides."""
        data = event.data
        draft = Draft(
            order_id=data.order_id,
            owner=data.owner,
            method=data.method,
            address=data.address,
            lines=data.lines,
            store=data.store,
        )
        async with self.database.write() as tx:
            await inbox.record(tx, event)
            await self._open(tx, draft)
            shipment = await _locked(tx, draft.order_id)
            await outbox.add(tx, _outcome(shipment), subject=draft.order_id)

    async def cancel(self, event: Event[CancelShipment]) -> None:
        """Cancel the shipment of an order; one that comes later is refused.

        Raises:
            Reject: it has been delivered.
        """
        order_id = event.data.order_id
        async with self.database.write() as tx:
            await inbox.record(tx, event)
            await self._insert_shipment(tx, order_id, Status.CANCELLED)
            shipment = await _locked(tx, order_id)
            try:
                if must_cancel(shipment.status):
                    await self._enter(tx, shipment, Status.CANCELLED)
            except AlreadyDelivered as error:
                raise Reject(str(error)) from None
            await outbox.add(tx, ShipmentCancelled(order_id=order_id), subject=order_id)

    async def advance(self) -> int:
        """Move every shipment on that is due; returns how many there were."""
        moved = 0
        while (batch := await self._advance_batch()) > 0:
            moved += batch
        return moved

    async def shipments(self, order_ids: Sequence[str], owner: str) -> dict[str, Shipment]:
        """The owner's shipments of these orders, by order id; others are left out."""
        wanted = shipments.c.order_id.in_(order_ids) & (shipments.c.owner == owner)
        tracking = (
            sa.select(tracking_events).join(shipments).where(wanted).order_by(tracking_events.c.version)
        )
        async with self.database.read() as tx:
            rows = (await tx.execute(sa.select(*_SHIPMENT).where(wanted))).all()
            events: dict[str, list[TrackingEvent]] = {row.order_id: [] for row in rows}
            for event in await tx.execute(tracking.order_by(tracking_events.c.version)):
                events[event.order_id].append(TrackingEvent(status=Status(event.status), at=event.at))
        return {row.order_id: _shipment(row, tuple(events[row.order_id])) for row in rows}

    async def _advance_batch(self) -> int:
        now = {"now": self._now()}
        async with self.database.read() as tx:
            if (await tx.execute(_IS_DUE, now)).first() is None:
                return 0
        async with self.database.write() as tx:
            rows = (await tx.execute(_DUE, now)).all()
            for row in rows:
                shipment = _shipment(row)
                status = NEXT[shipment.status]
                await self._enter(tx, shipment, status)
                fact = ShipmentDispatched if status is Status.DISPATCHED else ShipmentDelivered
                assert shipment.owner is not None
                published = fact(
                    order_id=shipment.order_id,
                    shipment_id=shipment.id,
                    owner=shipment.owner,
                    tracking_code=shipment.tracking_code,
                    store=shipment.store,
                )
                await outbox.add(tx, published, subject=shipment.order_id)
            return len(rows)

    async def _open(self, tx: AsyncConnection, draft: Draft) -> None:
        reason = refusal(draft)
        await self._insert_shipment(
            tx,
            draft.order_id,
            Status.REFUSED if reason else Status.CREATED,
            owner=draft.owner,
            method=draft.method,
            store=draft.store,
            address=asdict(draft.address),
            lines=[asdict(line) for line in draft.lines],
            reason=reason or "",
        )

    async def _insert_shipment(
        self, tx: AsyncConnection, order_id: str, status: Status, **values: object
    ) -> None:
        """Insert the shipment of an order that has none."""
        row = {"order_id": order_id, "id": shipment_id(order_id), "tracking_code": tracking_code(order_id)}
        state = {"status": status, "version": 1, "due_at": self._due_at(status)}
        if (await tx.execute(self._insertion, row | state | values)).first() is not None:
            await self._track(tx, order_id, 1, status)

    async def _enter(self, tx: AsyncConnection, shipment: Shipment, status: Status) -> None:
        version = shipment.version + 1
        changed = {"status": status, "version": version, "due_at": self._due_at(status)}
        await tx.execute(_CHANGE, changed | {"of": shipment.order_id})
        await self._track(tx, shipment.order_id, version, status)

    async def _track(self, tx: AsyncConnection, order_id: str, version: int, status: Status) -> None:
        row = {"order_id": order_id, "version": version, "status": status, "at": self._now()}
        await tx.execute(_TRACK, row)

    def _due_at(self, status: Status) -> datetime | None:
        duration = self._durations.after(status)
        return None if duration is None else self._now() + duration


def _outcome(shipment: Shipment) -> ShipmentCreated | ShipmentRefused:
    match shipment.status:
        case Status.REFUSED:
            return ShipmentRefused(order_id=shipment.order_id, reason=shipment.reason)
        case Status.CANCELLED:
            return ShipmentRefused(order_id=shipment.order_id, reason=Refusal.CANCELLED)
        case _:
            return ShipmentCreated(
                order_id=shipment.order_id, shipment_id=shipment.id, tracking_code=shipment.tracking_code
            )


async def _locked(tx: AsyncConnection, order_id: str) -> Shipment:
    return _shipment((await tx.execute(_LOCKED, {"of": order_id})).one())


def _shipment(row: sa.Row[tuple[object, ...]], tracking: tuple[TrackingEvent, ...] = ()) -> Shipment:
    return Shipment(**{**row._mapping, "status": Status(row.status), "tracking": tracking})
