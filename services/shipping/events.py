"""The messages that shipping consumes and the events that it publishes."""

from frontispiece.events import CommandData, EventData
from services.shipping.model import Address, Line


class CreateShipment(CommandData, frozen=True, kw_only=True):
    """Ship an order; the response is `ShipmentCreated` or `ShipmentRefused`, however often it is sent.

    `store` is the name of the one where the customer picks it up, else empty.
    """

    TYPE = "shop.shipping.create"

    order_id: str
    owner: str
    method: str
    address: Address
    lines: tuple[Line, ...]
    store: str = ""


class CancelShipment(CommandData, frozen=True, kw_only=True):
    """Ship an order no more, also when it comes before `CreateShipment`; the response is `ShipmentCancelled`.

    One that has been delivered is parked: a person has to decide.
    """

    TYPE = "shop.shipping.cancel"

    order_id: str


class ShipmentCreated(EventData, frozen=True, kw_only=True):
    """An order will be shipped."""

    TYPE = "shop.shipping.created"

    order_id: str
    shipment_id: str
    tracking_code: str


class ShipmentRefused(EventData, frozen=True, kw_only=True):
    """An order will not be shipped; `reason` is one of `model.Refusal`."""

    TYPE = "shop.shipping.refused"

    order_id: str
    reason: str


class ShipmentCancelled(EventData, frozen=True, kw_only=True):
    """An order is shipped no more, or never was."""

    TYPE = "shop.shipping.cancelled"

    order_id: str


class ShipmentDispatched(EventData, frozen=True, kw_only=True):
    """The carrier has the parcel; it goes to the customer, or to the `store` where it is picked up."""

    TYPE = "shop.shipping.dispatched"

    order_id: str
    shipment_id: str
    owner: str
    tracking_code: str
    store: str = ""


class ShipmentDelivered(EventData, frozen=True, kw_only=True):
    """The customer has the parcel, or the `store` where it is picked up."""

    TYPE = "shop.shipping.delivered"

    order_id: str
    shipment_id: str
    owner: str
    tracking_code: str
    store: str = ""
