"""What basket consumes; it publishes nothing."""

from typing import Annotated

import msgspec
from msgspec import Meta

from frontispiece.events import EventData
from shop.fields import Amount, Currency


class PriceChanged(EventData, frozen=True, kw_only=True):
    """An article has another price, in minor units; the larger version is the later one."""

    TYPE = "shop.catalog.price_changed"

    sku: str
    amount: Amount
    currency: Currency
    version: int


class ProductRemoved(EventData, frozen=True, kw_only=True):
    """An article is no longer sold."""

    TYPE = "shop.catalog.product_removed"

    sku: str
    version: int


class OrderedLine(msgspec.Struct, frozen=True, kw_only=True):
    """A quantity of one article in an order."""

    sku: str
    quantity: Annotated[int, Meta(ge=1)]


class OrderPlaced(EventData, frozen=True, kw_only=True):
    """A customer has ordered these lines."""

    TYPE = "shop.ordering.placed"

    order_id: str
    owner: str
    lines: tuple[OrderedLine, ...]


class OrderCancelled(EventData, frozen=True, kw_only=True):
    """An order has ended without a sale; with `restore_basket` its lines return into the basket."""

    TYPE = "shop.ordering.cancelled"

    order_id: str
    owner: str
    lines: tuple[OrderedLine, ...]
    restore_basket: bool
