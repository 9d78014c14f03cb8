"""What feed consumes; it publishes nothing."""

from typing import Annotated, Final

from msgspec import Meta

from frontispiece.events import EventData
from shop.money import MAX_AMOUNT

Sku = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Brand = Annotated[str, Meta(max_length=64)]
Amount = Annotated[int, Meta(ge=0, le=MAX_AMOUNT)]
Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$")]


class ProductAdded(EventData, frozen=True, kw_only=True):
    """A brand has a new article, at a price in minor units."""

    TYPE = "shop.catalog.product_added"

    sku: Sku
    brand: Brand
    amount: Amount
    currency: Currency


class PriceChanged(EventData, frozen=True, kw_only=True):
    """An article has another price than before; events from before `brand` say neither it nor that price."""

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
