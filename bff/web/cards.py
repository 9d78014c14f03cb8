"""Cards: products in a list, as desktop pages show them."""

from collections.abc import Iterable

from msgspec import Struct

from bff.clients.catalog import Image, Named, Product
from bff.clients.common import Money
from bff.clients.discount import Discount
from bff.clients.inventory import Stock
from bff.clients.reviews import Rating
from bff.shared.prices import current_price
from bff.shared.sources import available


class Stars(Struct, frozen=True):
    """The average rating, 1 to 5; None while there are no reviews."""

    average: float | None
    count: int


class Card(Struct, frozen=True):
    """A product in a list; `available` is None while the stock is not known."""

    sku: str
    name: str
    brand: Named
    type: Named
    image: Image | None
    price: Money
    list_price: Money
    stars: Stars | None
    available: int | None


def cards(
    products: Iterable[Product],
    stocks: dict[str, Stock],
    discounts: dict[str, Discount],
    ratings: dict[str, Rating],
) -> list[Card]:
    """A card for each product, with its stock, discount and rating as far as they are known."""
    return [
        Card(
            sku=product.sku,
            name=product.name,
            brand=product.brand,
            type=product.type,
            image=product.images[0] if product.images else None,
            price=current_price(product, discounts),
            list_price=product.price,
            stars=stars(ratings.get(product.sku)),
            available=available(product.sku, stocks),
        )
        for product in products
    ]


def stars(rating: Rating | None) -> Stars | None:
    """The rating as stars; None when it is not known."""
    return Stars(rating.average, rating.count) if rating else None
