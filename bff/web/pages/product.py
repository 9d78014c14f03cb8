"""The web client's product page: everything about one product in one call."""

from typing import Any

from msgspec import Struct

from bff.clients.catalog import Image, Named, Product
from bff.clients.common import Money, Sku
from bff.clients.discount import Discount
from bff.clients.feed import Follows
from bff.clients.inventory import Stock
from bff.clients.reviews import Rating, Review, ReviewList, Reviews
from bff.shared.news import follows, is_following, unknown
from bff.shared.prices import current_price
from bff.shared.sources import RETRY, add_product_facts, add_related, available, product
from bff.web import OPTIONAL_TIMEOUT
from bff.web.cards import Card, cards
from frontispiece.pages import Page

FIRST_REVIEWS = 5

page = Page("/products/{sku}", deadline=1.5)
page.source(retry=RETRY)(product)
add_product_facts(page, OPTIONAL_TIMEOUT)
add_related(page, OPTIONAL_TIMEOUT)
page.source(timeout=OPTIONAL_TIMEOUT, fallback=unknown)(follows)


class Crumb(Struct, frozen=True):
    """A step on the way from the start page; `path` is one of this BFF."""

    label: str
    path: str


class Opinion(Struct, frozen=True):
    """The rating and the newest reviews."""

    rating: Rating | None
    latest: list[Review]


class ProductPage(Struct, frozen=True):
    """Everything on the page; `available` is None while the stock is not known.

    `following` says whether the caller follows the brand; None for guests, and while it is not known.
    """

    sku: str
    name: str
    description: str
    brand: Named
    following: bool | None
    type: Named
    breadcrumbs: list[Crumb]
    images: list[Image]
    attributes: dict[str, Any]
    price: Money
    list_price: Money
    discount: Discount | None
    available: int | None
    reviews: Opinion
    related: list[Card]


@page.source(timeout=OPTIONAL_TIMEOUT, fallback=ReviewList.none)
async def latest(sku: Sku, reviews: Reviews) -> ReviewList:
    """Its newest reviews."""
    return await reviews.latest(sku, FIRST_REVIEWS)


@page.source(fallback=list)
async def skus(product: Product, related_skus: list[str]) -> list[str]:
    """Every product on the page."""
    return [product.sku, *related_skus]


@page.view
def screen(
    product: Product,
    related: list[Product],
    latest: ReviewList,
    stocks: dict[str, Stock],
    discounts: dict[str, Discount],
    ratings: dict[str, Rating],
    follows: Follows,
) -> ProductPage:
    """The product page."""
    return ProductPage(
        sku=product.sku,
        name=product.name,
        description=product.description,
        brand=product.brand,
        following=is_following(product.brand.id, follows),
        type=product.type,
        breadcrumbs=[
            Crumb("Home", "/home"),
            Crumb(product.type.name, f"/search?type={product.type.id}"),
            Crumb(product.name, f"/products/{product.sku}"),
        ],
        images=product.images,
        attributes=product.attributes,
        price=current_price(product, discounts),
        list_price=product.price,
        discount=discounts.get(product.sku),
        available=available(product.sku, stocks),
        reviews=Opinion(rating=ratings.get(product.sku), latest=latest.items),
        related=cards(related, stocks, discounts, ratings),
    )
