"""The mobile client's product screen: enough to decide on one article."""

from msgspec import Struct

from bff.mobile import PATIENCE
from bff.mobile.brief import sentences, shortened
from bff.mobile.display import PRODUCT, TILE, Display, display
from bff.mobile.tiles import Stars, stars, was
from bff.mobile.words import Words, words
from bff.prices import now
from bff.services import Catalog, Inventory, Reviews, known
from bff.shapes import Discount, Product, Rating, ReviewList, Sku, Stock
from bff.sources import ONCE_MORE, discounts, product
from gateway.page import Page, gather

RELATED = 6
SENTENCES = 2
LONGEST_DESCRIPTION = 400
LONGEST_REVIEW = 140

page = Page("/products/{sku}", deadline=0.8, vary=("accept-language", "width"))
page.source()(words)
page.source()(display)
page.source(retry=ONCE_MORE)(product)
page.source(timeout=PATIENCE, fallback=dict)(discounts)


class ShortReview(Struct, frozen=True):
    """The beginning of what one reader thinks."""

    rating: int
    title: str
    text: str


class Companion(Struct, frozen=True, omit_defaults=True):
    """What goes with an article."""

    sku: str
    name: str
    price: str
    image: str | None = None


class ProductScreen(Struct, frozen=True, omit_defaults=True):
    """Everything on the screen; what is not known or does not apply is left out."""

    sku: str
    name: str
    brand: str
    price: str
    was: str | None = None
    badges: list[str] = []
    image: str | None = None
    description: str = ""
    stars: Stars | None = None
    review: ShortReview | None = None
    related: list[Companion] = []


@page.source(timeout=PATIENCE, fallback=Stock.unknown)
async def stock(sku: Sku, inventory: Inventory) -> Stock:
    """Its stock."""
    return await inventory.stock(sku)


@page.source(timeout=PATIENCE, fallback=Rating)
async def rating(sku: Sku, reviews: Reviews) -> Rating:
    """What readers think of it on the whole."""
    return await reviews.rating(sku)


@page.source(timeout=PATIENCE, fallback=ReviewList.none)
async def latest(sku: Sku, reviews: Reviews) -> ReviewList:
    """Its newest review."""
    return await reviews.latest(sku, 1)


@page.source()
async def skus(product: Product) -> list[str]:
    """The articles with a price on this screen."""
    return [product.sku, *product.related[:RELATED]]


@page.source(timeout=PATIENCE, fallback=list)
async def related(product: Product, catalog: Catalog) -> list[Product]:
    """What goes with it."""
    return known(await gather(catalog.product(sku) for sku in product.related[:RELATED]))


@page.view
def screen(
    product: Product,
    stock: Stock,
    discounts: dict[str, Discount],
    rating: Rating,
    latest: ReviewList,
    related: list[Product],
    words: Words,
    display: Display,
) -> ProductScreen:
    """The product screen."""
    return ProductScreen(
        sku=product.sku,
        name=product.name,
        brand=product.brand.name,
        price=words.price(now(product, discounts)),
        was=was(product, discounts, words),
        badges=words.badges(discounts.get(product.sku), stock),
        image=display.image(product, PRODUCT),
        description=shortened(sentences(product.description, SENTENCES), LONGEST_DESCRIPTION),
        stars=stars(rating),
        review=_review(latest),
        related=[
            Companion(
                sku=other.sku,
                name=other.name,
                price=words.price(now(other, discounts)),
                image=display.beside().image(other, TILE),
            )
            for other in related
        ],
    )


def _review(latest: ReviewList) -> ShortReview | None:
    if not latest.items:
        return None
    newest = latest.items[0]
    return ShortReview(newest.rating, newest.title, shortened(newest.text, LONGEST_REVIEW))
