"""What feed consumes; it publishes nothing."""

from typing import Annotated, Final

from msgspec import Meta

from frontispiece.events import EventData
from shop.fields import Amount, Currency, Sku

Brand = Annotated[str, Meta(max_length=64)]


class ProductAdded(EventData, frozen=True, kw_only=True):
    """A brand has a new article, at a price in minor units."""

    TYPE = "shop.catalog.product_added"

    sku: Sku
    brand: Brand
    amount: Amount
    currency: Currency


class PriceChanged(EventData, frozen=True, kw_only=True):
    """An article has another price than before; old events have neither `brand` nor the price before."""

    TYPE = "shop.catalog.price_changed"

    sku: Sku
    brand: Brand = ""
    amount: Amount
    currency: Currency
    amount_before: Amount | None = None
    currency_before: Currency | None = None


class Restocked(EventData, frozen=True, kw_only=True):
    """An article that was sold out is available again."""

    TYPE = "shop.inventory.restocked"

    sku: Sku


OF_CATALOG: Final = ProductAdded, PriceChanged
OF_INVENTORY: Final = (Restocked,)
