"""What catalog publishes, with the product's sku as the subject; it consumes nothing.

`version` is the product's: of two events of one product, the one with the larger version is later.
"""

from frontispiece.events import EventData


class PriceChanged(EventData, frozen=True, kw_only=True):
    """A product has another price than before, in minor units."""

    TYPE = "shop.catalog.price_changed"

    sku: str
    amount: int
    currency: str
    version: int


class ProductRemoved(EventData, frozen=True, kw_only=True):
    """A product is no longer sold."""

    TYPE = "shop.catalog.product_removed"

    sku: str
    version: int
