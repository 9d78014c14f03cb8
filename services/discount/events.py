"""What discount consumes; it publishes nothing."""

from frontispiece.events import EventData


class OrderPlaced(EventData, frozen=True, kw_only=True):
    """A customer has ordered; `coupon` is empty when none was used."""

    TYPE = "shop.ordering.placed"

    order_id: str
    owner: str
    coupon: str = ""


class OrderCancelled(EventData, frozen=True, kw_only=True):
    """An order has ended without a sale; `coupon` is empty when none was used."""

    TYPE = "shop.ordering.cancelled"

    order_id: str
    owner: str
    coupon: str = ""
