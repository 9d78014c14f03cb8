"""What catalog publishes, with the product's sku as the subject; it consumes nothing.

`version` is the product's: of two events of one product, the one with the larger version is later.
"""

from typing import Self

from frontispiece.events import EventData
from services.catalog.model import Product
from shop.money import Money


class ProductAdded(EventData, frozen=True, kw_only=True):
    """A product is sold from now on; the amount is in minor units. First data are no news."""

    TYPE = "shop.catalog.product_added"

    sku: str
    brand: str
    amount: int
    currency: str
    version: int

    @classmethod
    def of(cls, product: Product, version: int) -> Self:
        """This product is new."""
        amount, currency = product.price.amount, product.price.currency
        return cls(sku=product.sku, brand=product.brand.id, amount=amount, currency=currency, version=version)


class PriceChanged(EventData, frozen=True, kw_only=True):
    """A product has another price than before (null: not known), in minor units."""

    TYPE = "shop.catalog.price_changed"

    sku: str
    brand: str = ""
    amount: int
    currency: str
    amount_before: int | None = None
    currency_before: str | None = None
    version: int

    @classmethod
    def of(cls, product: Product, before: Money | None, version: int) -> Self:
        """The price of this product is another one than before."""
        return cls(
            sku=product.sku,
            brand=product.brand.id,
            amount=product.price.amount,
            currency=product.price.currency,
            amount_before=before.amount if before else None,
            currency_before=before.currency if before else None,
            version=version,
        )


class ProductRemoved(EventData, frozen=True, kw_only=True):
    """A product is no longer sold."""

    TYPE = "shop.catalog.product_removed"

    sku: str
    version: int
