"""What notification consumes: events of other services, and the commands that it sends to itself."""

from frontispiece.events import CommandData, EventData
from services.notification.model import Channel


class OrderConfirmed(EventData, frozen=True, kw_only=True):
    """Ordering will carry out an order; `total` is in minor units."""

    TYPE = "shop.ordering.confirmed"

    order_id: str
    owner: str
    currency: str
    total: int


class OrderCancelled(EventData, frozen=True, kw_only=True):
    """Ordering carries out an order no more, or never has."""

    TYPE = "shop.ordering.cancelled"

    order_id: str
    owner: str
    reason: str


class ShipmentDispatched(EventData, frozen=True, kw_only=True):
    """The carrier has an order's parcel, to bring it to the customer or to a `store` for pickup."""

    TYPE = "shop.shipping.dispatched"

    order_id: str
    owner: str
    tracking_code: str
    store: str = ""


class ShipmentDelivered(EventData, frozen=True, kw_only=True):
    """The customer has an order's parcel, or the `store` where it is picked up."""

    TYPE = "shop.shipping.delivered"

    order_id: str
    owner: str
    store: str = ""


class SendNotification(CommandData, frozen=True, kw_only=True):
    """Send a text to a customer, unless one with the same key was sent before."""

    TYPE = "shop.notification.send"

    order_id: str
    owner: str
    kind: str
    key: str
    channel: Channel
    title: str
    text: str
