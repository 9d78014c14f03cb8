"""The commands that inventory carries out and the events that it publishes; their subject is the order.

That of `Restocked` is the article.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from frontispiece.events import CommandData, EventData
from shop.fields import OrderId, Sku


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """Units of one article."""

    sku: Sku
    quantity: Annotated[int, Meta(ge=1, le=1_000_000)]


class ReserveStock(CommandData, frozen=True, kw_only=True):
    """Answered by `StockReserved` or `ReservationRefused`, or when it is late `ReservationExpired`."""

    TYPE = "shop.inventory.reserve"

    order_id: OrderId
    lines: Annotated[tuple[Line, ...], Meta(min_length=1)]
    ttl_seconds: Annotated[int, Meta(ge=1, le=86_400)]


class CommitStock(CommandData, frozen=True, kw_only=True):
    """Answered by `StockCommitted`; by what the reservation is, when it has ended without a sale."""

    TYPE = "shop.inventory.commit"

    order_id: OrderId


class ReleaseStock(CommandData, frozen=True, kw_only=True):
    """Answered by `StockReleased`; a later `ReserveStock` is refused."""

    TYPE = "shop.inventory.release"

    order_id: OrderId


class StockReserved(EventData, frozen=True, kw_only=True):
    """All units of the order are reserved."""

    TYPE = "shop.inventory.reserved"

    order_id: str


class Shortage(msgspec.Struct, frozen=True, kw_only=True):
    """An article of which there is too little."""

    sku: str
    wanted: int
    available: int


class ReservationRefused(EventData, frozen=True, kw_only=True):
    """Nothing is reserved: `out-of-stock` with every shortage, or `released` because that came first."""

    TYPE = "shop.inventory.reservation_refused"

    order_id: str
    reason: str
    shortages: tuple[Shortage, ...] = ()


class StockCommitted(EventData, frozen=True, kw_only=True):
    """The units are sold."""

    TYPE = "shop.inventory.committed"

    order_id: str


class StockReleased(EventData, frozen=True, kw_only=True):
    """Nothing is reserved any longer, and what was sold is back in stock."""

    TYPE = "shop.inventory.released"

    order_id: str


class ReservationExpired(EventData, frozen=True, kw_only=True):
    """The reservation was not committed in time: its units are available to others."""

    TYPE = "shop.inventory.reservation_expired"

    order_id: str


class Restocked(EventData, frozen=True, kw_only=True):
    """A new count has units of an article that nobody could buy before: it is available again."""

    TYPE = "shop.inventory.restocked"

    sku: str
    available: int
