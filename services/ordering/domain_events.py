"""What can happen to an order, as it is stored in its stream.

`NAME` and `SCHEMA` are stored with each event. A change of the fields is a new `SCHEMA`, with a step in
`upcasting.py` that lifts stored events of the one before.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Final

import msgspec

from services.ordering.model import OrderLine


class Step(StrEnum):
    """A command that an order sends, and whose reply it then waits for."""

    RESERVE = "reserve"
    COMMIT = "commit"
    RELEASE = "release"
    AUTHORISE = "authorise"
    CAPTURE = "capture"
    CANCEL_PAYMENT = "cancel_payment"
    CREATE_SHIPMENT = "create_shipment"
    CANCEL_SHIPMENT = "cancel_shipment"


class Reason(StrEnum):
    """Why an order was cancelled, for its customer."""

    OUT_OF_STOCK = "out-of-stock"
    PAYMENT_DECLINED = "payment-declined"
    CANCELLED_BY_CUSTOMER = "cancelled-by-customer"
    NOT_DELIVERABLE = "not-deliverable"
    TIMED_OUT = "timed-out"


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Where an order is delivered."""

    name: str
    street: str
    postal_code: str
    city: str
    country: str


class Pickup(msgspec.Struct, frozen=True, kw_only=True):
    """The store where the customer picks the order up, and from when, in the store's own time."""

    store: str
    name: str
    street: str
    postal_code: str
    city: str
    country: str
    ready_at: datetime


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """How and where an order is delivered, and what that costs in minor units of its currency.

    With `pickup` the parcel goes to that store; `address` is the customer's own all the same.
    """

    method: str
    address: Address
    amount: int
    pickup: Pickup | None = None

    @property
    def destination(self) -> Address:
        """Where the parcel goes."""
        if (store := self.pickup) is None:
            return self.address
        return Address(
            name=self.address.name,
            street=store.street,
            postal_code=store.postal_code,
            city=store.city,
            country=store.country,
        )


class Shortage(msgspec.Struct, frozen=True, kw_only=True):
    """An article of which there are too few units."""

    sku: str
    wanted: int
    available: int


class OrderEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something that has happened to an order."""

    NAME: ClassVar[str]
    SCHEMA: ClassVar[int] = 1


class Placed(OrderEvent, frozen=True, kw_only=True):
    """The customer has placed the order; `digest` tells its request from another with the same key."""

    NAME = "placed"
    SCHEMA = 4
    # 1 had no basket version, no delivery and no payment, 2 no client and no types and brands, 3 no pickup

    owner: str
    digest: str
    currency: str
    lines: tuple[OrderLine, ...]
    coupon: str
    basket_version: int
    delivery: Delivery | None
    payment_token: str
    placed_at: datetime
    client: str = ""


class StepStarted(OrderEvent, frozen=True, kw_only=True):
    """A command was sent for the first time, or again because no reply came: then `attempt` is above 1."""

    NAME = "step-started"

    step: Step
    attempt: int = 1


class Reserved(OrderEvent, frozen=True, kw_only=True):
    """Inventory holds all units."""

    NAME = "reserved"


class ReservationRefused(OrderEvent, frozen=True, kw_only=True):
    """Inventory holds nothing."""

    NAME = "reservation-refused"

    reason: str
    shortages: tuple[Shortage, ...] = ()


class ReservationExpired(OrderEvent, frozen=True, kw_only=True):
    """Inventory has given up its hold, because it was not committed in time."""

    NAME = "reservation-expired"


class Committed(OrderEvent, frozen=True, kw_only=True):
    """The units are sold."""

    NAME = "committed"


class Released(OrderEvent, frozen=True, kw_only=True):
    """The units, held or sold, are free again."""

    NAME = "released"


class LeftToExpire(OrderEvent, frozen=True, kw_only=True):
    """Inventory did not confirm the release of a hold, which ends on its own."""

    NAME = "left-to-expire"


class Authorised(OrderEvent, frozen=True, kw_only=True):
    """The total is blocked on the customer's account."""

    NAME = "authorised"


class Declined(OrderEvent, frozen=True, kw_only=True):
    """The payment was refused."""

    NAME = "declined"

    reason: str


class Captured(OrderEvent, frozen=True, kw_only=True):
    """The money was taken, in minor units."""

    NAME = "captured"

    amount: int


class PaymentCancelled(OrderEvent, frozen=True, kw_only=True):
    """No money of the customer is blocked or taken any more."""

    NAME = "payment-cancelled"


class ShipmentCreated(OrderEvent, frozen=True, kw_only=True):
    """The units will be delivered."""

    NAME = "shipment-created"

    shipment_id: str
    tracking_code: str


class ShipmentRefused(OrderEvent, frozen=True, kw_only=True):
    """The units cannot be delivered."""

    NAME = "shipment-refused"

    reason: str


class ShipmentCancelled(OrderEvent, frozen=True, kw_only=True):
    """The units will not be delivered."""

    NAME = "shipment-cancelled"


class Confirmed(OrderEvent, frozen=True, kw_only=True):
    """Stock and payment are certain: from here the customer can no longer cancel."""

    NAME = "confirmed"


class Completed(OrderEvent, frozen=True, kw_only=True):
    """Sold, on its way and paid."""

    NAME = "completed"


class CancellationStarted(OrderEvent, frozen=True, kw_only=True):
    """The order will be cancelled once all that was done for it is undone."""

    NAME = "cancellation-started"

    reason: Reason


class Cancelled(OrderEvent, frozen=True, kw_only=True):
    """The order holds neither stock nor money."""

    NAME = "cancelled"

    reason: Reason


class Stuck(OrderEvent, frozen=True, kw_only=True):
    """A step cannot be compensated and has had no reply for long: a person must look."""

    NAME = "stuck"

    step: Step
    reason: str


class BucketRemoved(OrderEvent, frozen=True, kw_only=True):
    """The orders of a bucket have left this shard: nothing of them is in its log before this."""

    NAME = "bucket-removed"

    bucket: int


EVENTS: Final[dict[str, type[OrderEvent]]] = {cls.NAME: cls for cls in OrderEvent.__subclasses__()}
"""The classes of events by their names."""


def encode(event: OrderEvent) -> dict[str, Any]:
    """The fields of an event as JSON values."""
    fields: dict[str, Any] = msgspec.to_builtins(event)
    return fields


def decode(name: str, fields: dict[str, Any]) -> OrderEvent:
    """The event with this name and these fields, in its newest schema.

    Raises:
        KeyError: there is no such event.
        msgspec.ValidationError: the fields are not its own.
    """
    return msgspec.convert(fields, EVENTS[name])
