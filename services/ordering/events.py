"""What ordering publishes and consumes; every message has the order's id as its subject, too.

The only place in ordering where names of events and commands stand.
"""

from datetime import datetime

import msgspec

from frontispiece.events import CommandData, EventData
from services.ordering.domain_events import Address, Shortage
from services.ordering.model import OrderLine


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """Units of one article."""

    sku: str
    quantity: int


# Published to everyone.


class OrderPlaced(EventData, frozen=True, kw_only=True):
    """A customer has ordered; `total` counts delivery, too.

    `client` is the one that was used, as `name/version`; empty where it is not known.
    """

    TYPE = "shop.ordering.placed"

    order_id: str
    owner: str
    lines: tuple[OrderLine, ...]
    currency: str
    total: int
    coupon: str = ""
    basket_version: int
    placed_at: datetime
    client: str = ""


class OrderConfirmed(EventData, frozen=True, kw_only=True):
    """Stock and payment of an order are certain."""

    TYPE = "shop.ordering.confirmed"

    order_id: str
    owner: str
    currency: str
    total: int


class OrderCompleted(EventData, frozen=True, kw_only=True):
    """An order is sold, on its way and paid: so much money was taken."""

    TYPE = "shop.ordering.completed"

    order_id: str
    owner: str
    lines: tuple[Line, ...]
    captured: int


class OrderCancelled(EventData, frozen=True, kw_only=True):
    """An order holds neither stock nor money; with `restore_basket` its lines return into the basket.

    `refunded` is the money that was taken and given back.
    """

    TYPE = "shop.ordering.cancelled"

    order_id: str
    owner: str
    reason: str
    lines: tuple[Line, ...]
    restore_basket: bool
    coupon: str = ""
    refunded: int = 0


# Sent to one service each.


class ReserveStock(CommandData, frozen=True, kw_only=True):
    """Hold the units; replies: `StockReserved`, `ReservationRefused`."""

    TYPE = "shop.inventory.reserve"

    order_id: str
    lines: tuple[Line, ...]
    ttl_seconds: int


class CommitStock(CommandData, frozen=True, kw_only=True):
    """Sell the held units; reply: `StockCommitted`."""

    TYPE = "shop.inventory.commit"

    order_id: str


class ReleaseStock(CommandData, frozen=True, kw_only=True):
    """Free the units, held or sold, and hold none from now on; reply: `StockReleased`."""

    TYPE = "shop.inventory.release"

    order_id: str


class AuthorisePayment(CommandData, frozen=True, kw_only=True):
    """Block the amount, in minor units; replies: `PaymentAuthorised`, `PaymentDeclined`."""

    TYPE = "shop.payment.authorise"

    order_id: str
    owner: str
    amount: int
    currency: str
    payment_token: str


class CapturePayment(CommandData, frozen=True, kw_only=True):
    """Take the blocked amount; reply: `PaymentCaptured`."""

    TYPE = "shop.payment.capture"

    order_id: str


class CancelPayment(CommandData, frozen=True, kw_only=True):
    """Give back what is blocked or taken, and take nothing later.

    Replies: `PaymentVoided`, `PaymentRefunded`.
    """

    TYPE = "shop.payment.cancel"

    order_id: str


class CreateShipment(CommandData, frozen=True, kw_only=True):
    """Deliver the units, `store` being the name of the one for pickup.

    Replies: `ShipmentCreated`, `ShipmentRefused`.
    """

    TYPE = "shop.shipping.create"

    order_id: str
    owner: str
    method: str
    address: Address
    lines: tuple[Line, ...]
    store: str = ""


class CancelShipment(CommandData, frozen=True, kw_only=True):
    """Do not deliver the units; reply: `ShipmentCancelled`."""

    TYPE = "shop.shipping.cancel"

    order_id: str


# Consumed: the replies.


class StockReserved(EventData, frozen=True, kw_only=True):
    """Inventory holds all units."""

    TYPE = "shop.inventory.reserved"

    order_id: str


class ReservationRefused(EventData, frozen=True, kw_only=True):
    """Inventory holds nothing."""

    TYPE = "shop.inventory.reservation_refused"

    order_id: str
    reason: str
    shortages: tuple[Shortage, ...] = ()


class StockCommitted(EventData, frozen=True, kw_only=True):
    """The units are sold."""

    TYPE = "shop.inventory.committed"

    order_id: str


class StockReleased(EventData, frozen=True, kw_only=True):
    """The units are free."""

    TYPE = "shop.inventory.released"

    order_id: str


class ReservationExpired(EventData, frozen=True, kw_only=True):
    """Inventory no longer holds the units, because they were not committed in time."""

    TYPE = "shop.inventory.reservation_expired"

    order_id: str


class PaymentAuthorised(EventData, frozen=True, kw_only=True):
    """The amount is blocked."""

    TYPE = "shop.payment.authorised"

    order_id: str
    amount: int
    currency: str


class PaymentDeclined(EventData, frozen=True, kw_only=True):
    """Nothing is blocked."""

    TYPE = "shop.payment.declined"

    order_id: str
    reason: str


class PaymentCaptured(EventData, frozen=True, kw_only=True):
    """The amount is taken."""

    TYPE = "shop.payment.captured"

    order_id: str
    amount: int
    currency: str


class PaymentVoided(EventData, frozen=True, kw_only=True):
    """Nothing is blocked any more, and nothing was taken."""

    TYPE = "shop.payment.voided"

    order_id: str


class PaymentRefunded(EventData, frozen=True, kw_only=True):
    """What was taken is given back."""

    TYPE = "shop.payment.refunded"

    order_id: str
    amount: int
    currency: str


class ShipmentCreated(EventData, frozen=True, kw_only=True):
    """The units will be delivered."""

    TYPE = "shop.shipping.created"

    order_id: str
    shipment_id: str
    tracking_code: str


class ShipmentRefused(EventData, frozen=True, kw_only=True):
    """The units cannot be delivered."""

    TYPE = "shop.shipping.refused"

    order_id: str
    reason: str


class ShipmentCancelled(EventData, frozen=True, kw_only=True):
    """The units will not be delivered."""

    TYPE = "shop.shipping.cancelled"

    order_id: str
