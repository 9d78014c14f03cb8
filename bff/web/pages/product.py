"""The web client's product page: everything about one article in one call."""

from typing import Any

from msgspec import Struct

from bff.prices import now
from bff.services import Catalog, Reviews, known
from bff.shapes import Discount, Image, Money, Named, Product, Rating, Review, ReviewList, Sku, Stock
from bff.sources import ONCE_MORE, add_article_facts, product
from bff.web import PATIENCE
from bff.web.cards import Card, available, cards
from gateway.page import Page, gather

FIRST_REVIEWS = 5

page = Page("/products/{sku}", deadline=1.5)
page.source(retry=ONCE_MORE)(product)
add_article_facts(page, PATIENCE)


class Crumb(Struct, frozen=True):
    """A step on the way from the start page; `path` is one of this BFF."""

    label: str
    path: str


class Opinion(Struct, frozen=True):
    """What readers think: on the whole, and the newest of them."""

    rating: Rating | None
    latest: list[Review]


class ProductPage(Struct, frozen=True):
    """Everything on the page; `available` is None while the stock is not known."""

    sku: str
    name: str
    description: str
    brand: Named
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


@page.source(timeout=PATIENCE, fallback=ReviewList.none)
async def latest(sku: Sku, reviews: Reviews) -> ReviewList:
    """Its newest reviews."""
    return await reviews.latest(sku, FIRST_REVIEWS)


@page.source(timeout=PATIENCE, fallback=list)
async def related(product: Product, catalog: Catalog) -> list[Product]:
    """What goes with it."""
    return known(await gather(catalog.product(sku) for sku in product.related))


@page.source()
async def skus(product: Product) -> list[str]:
    """Every article on the page."""
    return [product.sku, *product.related]


@page.view
def screen(
    product: Product,
    related: list[Product],
    latest: ReviewList,
    stocks: dict[str, Stock],
    discounts: dict[str, Discount],
    ratings: dict[str, Rating],
) -> ProductPage:
    """The product page."""
    return ProductPage(
        sku=product.sku,
        name=product.name,
        description=product.description,
        brand=product.brand,
        type=product.type,
        breadcrumbs=[
            Crumb("Home", "/home"),
            Crumb(product.type.name, f"/search?type={product.type.id}"),
            Crumb(product.name, f"/products/{product.sku}"),
        ],
        images=product.images,
        attributes=product.attributes,
        price=now(product, discounts),
        list_price=product.price,
        discount=discounts.get(product.sku),
        available=available(product.sku, stocks),
        reviews=Opinion(rating=ratings.get(product.sku), latest=latest.items),
        related=cards(related, stocks, discounts, ratings),
    )
