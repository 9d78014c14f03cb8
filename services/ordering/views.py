"""An order as its customer sees it, made of its events alone: what the read model keeps; no I/O."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from services.ordering.domain_events import (
    Authorised,
    CancellationStarted,
    Cancelled,
    Captured,
    Completed,
    Confirmed,
    Delivery,
    OrderEvent,
    Placed,
    Reason,
    Reserved,
    ShipmentCreated,
    Step,
    StepStarted,
    Stuck,
)
from services.ordering.event_store import Recorded
from services.ordering.model import Bill, Status
from services.ordering.order import AFTER, PENDING


class Stage(StrEnum):
    """A point that an order has passed; finer than its status."""

    PLACED = "placed"
    STOCK_RESERVED = "stock-reserved"
    PAYMENT_AUTHORISED = "payment-authorised"
    CONFIRMED = "confirmed"
    SHIPMENT_CREATED = "shipment-created"
    PAYMENT_CAPTURED = "payment-captured"
    COMPLETED = "completed"
    CANCELLATION_STARTED = "cancellation-started"
    CANCELLED = "cancelled"


STAGES: Final[dict[type[OrderEvent], Stage]] = {
    Placed: Stage.PLACED,
    Reserved: Stage.STOCK_RESERVED,
    Authorised: Stage.PAYMENT_AUTHORISED,
    Confirmed: Stage.CONFIRMED,
    ShipmentCreated: Stage.SHIPMENT_CREATED,
    Captured: Stage.PAYMENT_CAPTURED,
    Completed: Stage.COMPLETED,
    CancellationStarted: Stage.CANCELLATION_STARTED,
    Cancelled: Stage.CANCELLED,
}
"""The stage that an event brings an order to; all others are nothing to its customer."""

FINAL: Final = frozenset({Stage.COMPLETED, Stage.CANCELLED})
"""The stages that nothing comes after."""

_ALL: Final = frozenset(Stage)
_STATUSES: Final = {
    Stage.CONFIRMED: Status.CONFIRMED,
    Stage.COMPLETED: Status.COMPLETED,
    Stage.CANCELLED: Status.CANCELLED,
}


class Milestone(msgspec.Struct, frozen=True, kw_only=True):
    """A stage and when the order came to it; `version` is that of the event."""

    stage: Stage
    at: datetime
    version: int


class OrderView(msgspec.Struct, frozen=True, kw_only=True):
    """One order.

    `reason` is known from the start of a cancellation; `stuck` has the steps that wait for a person, and why.
    """

    id: str
    owner: str
    version: int
    status: Status
    bill: Bill
    coupon: str
    delivery: Delivery | None
    placed_at: datetime
    timeline: tuple[Milestone, ...]
    reason: Reason | None = None
    tracking_code: str = ""
    stuck: dict[Step, str] = {}

    @property
    def stage(self) -> Stage:
        """The last stage that the order came to."""
        return self.timeline[-1].stage

    @property
    def milestone(self) -> Milestone | None:
        """What the last event was to the customer; None when it was nothing."""
        last = self.timeline[-1]
        return last if last.version == self.version else None

    @property
    def total(self) -> int:
        """The amount to pay: goods after discounts, and delivery."""
        return self.bill.total + (self.delivery.amount if self.delivery else 0)


class MissingEvent(Exception):
    """An event comes after one that was not seen."""


def apply(view: OrderView | None, recorded: Recorded) -> OrderView:
    """The view after an event; the same view when it has seen the event already.

    Raises:
        MissingEvent: there are events of the order between the view's last one and this one.
    """
    version = 0 if view is None else view.version
    if view is not None and recorded.version <= version:
        return view
    if recorded.version != version + 1:
        raise MissingEvent(f"order {recorded.order_id}: event {recorded.version} came after event {version}")
    if view is None:
        return _placed(recorded)
    return _changed(view, recorded)


def view_of(history: Iterable[Recorded]) -> OrderView | None:
    """The view after these events of one order; None when there are none."""
    view = None
    for recorded in history:
        view = apply(view, recorded)
    return view


def _placed(recorded: Recorded) -> OrderView:
    event = recorded.event
    if not isinstance(event, Placed):
        raise MissingEvent(f"order {recorded.order_id} begins with {event.NAME}")
    return OrderView(
        id=recorded.order_id,
        owner=event.owner,
        version=recorded.version,
        status=Status.PENDING,
        bill=Bill(currency=event.currency, lines=event.lines),
        coupon=event.coupon,
        delivery=event.delivery,
        placed_at=event.placed_at,
        timeline=(_milestone(recorded, Stage.PLACED),),
    )


def _changed(view: OrderView, recorded: Recorded) -> OrderView:
    event = recorded.event
    changes: dict[str, object] = {"version": recorded.version}
    stage = STAGES.get(type(event))
    if stage is not None and stage in _possible(view):
        changes["timeline"] = (*view.timeline, _milestone(recorded, stage))
        changes["status"] = _STATUSES.get(stage, view.status)
    match event:
        case CancellationStarted(reason=reason) | Cancelled(reason=reason):
            changes["reason"] = reason
        case ShipmentCreated(tracking_code=tracking_code):
            changes["tracking_code"] = tracking_code
        case Stuck(step=step, reason=why):
            changes["stuck"] = {**view.stuck, step: why}
    if view.stuck and not isinstance(event, Stuck):
        changes["stuck"] = _still_stuck(view.stuck, event)
    return msgspec.structs.replace(view, **changes)


def _milestone(recorded: Recorded, stage: Stage) -> Milestone:
    return Milestone(stage=stage, at=recorded.recorded_at, version=recorded.version)


def _possible(view: OrderView) -> frozenset[Stage]:
    """The stages that may follow; a late reply to what is being undone is nothing to the customer."""
    if view.stage in FINAL:
        return frozenset()
    return _ALL if view.reason is None else FINAL


def _still_stuck(stuck: dict[Step, str], event: OrderEvent) -> dict[Step, str]:
    """The steps that wait for a person after an event: it moves on one part of the order."""
    moved = PENDING[event.step] if isinstance(event, StepStarted) else AFTER.get(type(event))
    return {step: why for step, why in stuck.items() if type(PENDING[step]) is not type(moved)}
