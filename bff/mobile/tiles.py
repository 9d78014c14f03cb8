"""An article among others, as a phone shows it."""

from collections.abc import Iterable

from msgspec import Struct

from bff.mobile.display import TILE, Display
from bff.mobile.words import Words
from bff.prices import now
from bff.shapes import Discount, Product, Rating, Stock


class Stars(Struct, frozen=True):
    """What readers think on the whole: 1 to 5, and how many of them."""

    average: float
    count: int


class Tile(Struct, frozen=True, omit_defaults=True):
    """An article among others; what is not known or does not apply is left out.

    `was` is the price before a discount, `image` the path of a file.
    """

    sku: str
    name: str
    price: str
    was: str | None = None
    badges: list[str] = []
    image: str | None = None
    stars: Stars | None = None


def tiles(
    products: Iterable[Product],
    stocks: dict[str, Stock],
    discounts: dict[str, Discount],
    ratings: dict[str, Rating],
    words: Words,
    display: Display,
) -> list[Tile]:
    """A tile for each article."""
    return [
        Tile(
            sku=product.sku,
            name=product.name,
            price=words.price(now(product, discounts)),
            was=was(product, discounts, words),
            badges=words.badges(discounts.get(product.sku), stocks.get(product.sku)),
            image=display.image(product, TILE),
            stars=stars(ratings.get(product.sku)),
        )
        for product in products
    ]


def was(product: Product, discounts: dict[str, Discount], words: Words) -> str | None:
    """The price without the discount; None when it is the same."""
    return words.price(product.price) if now(product, discounts) != product.price else None


def stars(rating: Rating | None) -> Stars | None:
    """The rating as stars; None while nobody has given any, or nobody knows."""
    return Stars(rating.average, rating.count) if rating and rating.average is not None else None
