"""What recommendation consumes; it publishes nothing."""

import msgspec

from frontispiece.events import EventData


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """An article of an order."""

    sku: str


class OrderCompleted(EventData, frozen=True, kw_only=True):
    """An order is sold, on its way and paid: it stays so. Events from before have no lines."""

    TYPE = "shop.ordering.completed"

    owner: str
    lines: tuple[Line, ...] = ()
