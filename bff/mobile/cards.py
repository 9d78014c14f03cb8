"""Cards: products in a list, as a phone shows them."""

from collections.abc import Iterable

from msgspec import Struct

from bff.clients.catalog import Product
from bff.clients.common import Money
from bff.clients.discount import Discount
from bff.clients.inventory import Stock
from bff.clients.reviews import Rating
from bff.mobile.device import CARD_WIDTH, Device
from bff.mobile.localization import Localization
from bff.shared.prices import current_price


class Stars(Struct, frozen=True):
    """The average rating, 1 to 5, and the number of ratings."""

    average: float
    count: int


class Card(Struct, frozen=True, omit_defaults=True):
    """A product in a list; what is not known or does not apply is left out.

    `was` is the price before a discount, `image` the path of a file, `amount` the price to calculate with.
    """

    sku: str
    name: str
    price: str
    amount: Money
    was: str | None = None
    badges: list[str] = []
    image: str | None = None
    stars: Stars | None = None


def cards(
    products: Iterable[Product],
    stocks: dict[str, Stock],
    discounts: dict[str, Discount],
    ratings: dict[str, Rating],
    localization: Localization,
    device: Device,
) -> list[Card]:
    """A card for each product."""
    return [
        Card(
            sku=product.sku,
            name=product.name,
            price=localization.price(current_price(product, discounts)),
            amount=current_price(product, discounts),
            was=was(product, discounts, localization),
            badges=localization.badges(discounts.get(product.sku), stocks.get(product.sku)),
            image=device.image(product, CARD_WIDTH),
            stars=stars(ratings.get(product.sku)),
        )
        for product in products
    ]


def was(product: Product, discounts: dict[str, Discount], localization: Localization) -> str | None:
    """The price without the discount; None when it is the same."""
    return localization.price(product.price) if current_price(product, discounts) != product.price else None


def stars(rating: Rating | None) -> Stars | None:
    """The rating as stars; None without ratings, or when they are not known."""
    return Stars(rating.average, rating.count) if rating and rating.average is not None else None
