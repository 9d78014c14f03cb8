"""What sales consumes; it publishes nothing."""

from datetime import datetime

import msgspec

from frontispiece.events import EventData


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """An article of an order; `unit_price` is in minor units, `type` and `brand` are empty in old orders."""

    sku: str
    quantity: int
    unit_price: int
    percent_off: int
    type: str = ""
    brand: str = ""


class OrderPlaced(EventData, frozen=True, kw_only=True):
    """A customer has ordered; an event from before `placed_at` has none, and a rebuild brings it."""

    TYPE = "shop.ordering.placed"

    order_id: str
    lines: tuple[Line, ...]
    currency: str
    coupon: str = ""
    placed_at: datetime | None = None
    client: str = ""


class OrderCompleted(EventData, frozen=True, kw_only=True):
    """An order is sold, on its way and paid: so much money was taken."""

    TYPE = "shop.ordering.completed"

    order_id: str
    captured: int = 0


class OrderCancelled(EventData, frozen=True, kw_only=True):
    """An order holds neither stock nor money: so much that was taken is given back."""

    TYPE = "shop.ordering.cancelled"

    order_id: str
    refunded: int = 0
