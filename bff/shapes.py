"""What the BFFs read of the services' answers: only the fields that some page needs (tolerant readers)."""

from datetime import datetime
from typing import Annotated, Any, Self

from msgspec import Meta, Struct

Sku = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$(?!\n)")]
"""An article's number; `$` alone would let a line end pass after it."""

Quantity = Annotated[int, Meta(ge=1, le=999)]
Moment = Annotated[datetime, Meta(tz=True)]


class Money(Struct, frozen=True):
    """An amount in minor units, with its ISO 4217 currency."""

    amount: int
    currency: str


class Named(Struct, frozen=True):
    """A brand or type."""

    id: str
    name: str


class Variant(Struct, frozen=True):
    """An image file: its path at the gateway and its size in pixels."""

    url: str
    width: int
    height: int
    format: str


class Image(Struct, frozen=True):
    """An image, in several sizes."""

    alt: str
    variants: list[Variant]


class Product(Struct, frozen=True):
    """An article of the catalogue."""

    sku: str
    name: str
    description: str
    brand: Named
    type: Named
    price: Money
    images: list[Image]
    attributes: dict[str, Any]
    related: list[str]


class Batch(Struct, frozen=True):
    """Articles that were asked for together; those that nobody knows are left out."""

    items: list[Product]


class Counted(Struct, frozen=True):
    """A brand or type, and how many articles have it."""

    id: str
    name: str
    count: int


class PriceRange(Struct, frozen=True, rename={"from_": "from"}):
    """How many articles cost from … to … minor units (None: no bound)."""

    from_: int | None
    to: int | None
    count: int


class Facets(Struct, frozen=True):
    """How a search could be narrowed."""

    brands: list[Counted]
    types: list[Counted]
    prices: list[PriceRange]


class Found(Struct, frozen=True):
    """Some of what a search has found."""

    items: list[Product]
    next: str | None
    total: int
    facets: Facets


class Kinds(Struct, frozen=True):
    """Every type of article."""

    items: list[Counted]


class Stock(Struct, frozen=True):
    """Pieces of an article that can still be had; None when nobody knows."""

    sku: str
    available: int | None

    @classmethod
    def unknown(cls) -> Self:
        """The stock when inventory does not answer."""
        return cls(sku="", available=None)


class Stocks(Struct, frozen=True):
    """The stock of several articles."""

    items: list[Stock]


class Rating(Struct, frozen=True):
    """What readers think of an article on the whole: 1 to 5, None while there are no reviews."""

    sku: str = ""
    count: int = 0
    average: float | None = None
    histogram: dict[str, int] = {}


class Ratings(Struct, frozen=True):
    """The ratings of several articles."""

    items: list[Rating]


class Review(Struct, frozen=True):
    """What one reader thinks."""

    id: str
    author: str
    rating: int
    title: str
    text: str
    created_at: str


class ReviewList(Struct, frozen=True):
    """Some reviews, newest first."""

    items: list[Review]

    @classmethod
    def none(cls) -> Self:
        """No reviews."""
        return cls([])


class Discount(Struct, frozen=True):
    """So many percent off an article, and why."""

    percent: int
    description: str


class BasketItem(Struct, frozen=True):
    """So many pieces of an article."""

    sku: str
    quantity: int


class Basket(Struct, frozen=True):
    """What somebody means to buy."""

    items: list[BasketItem]


class OrderLine(Struct, frozen=True):
    """So many pieces of an article, at the price they were ordered."""

    sku: str
    name: str
    quantity: int
    unit_price: Money
    percent_off: int
    total: Money


class Order(Struct, frozen=True):
    """An order."""

    id: str
    status: str
    placed_at: Moment
    lines: list[OrderLine]
    subtotal: Money
    discount: Money
    total: Money


class OrderSummary(Struct, frozen=True):
    """An order in a list."""

    id: str
    status: str
    placed_at: Moment
    pieces: int
    total: Money


class OrderList(Struct, frozen=True):
    """Some orders, newest first."""

    items: list[OrderSummary]
    next: str | None = None
