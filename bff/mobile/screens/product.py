"""The mobile client's product screen: enough to decide on one product."""

from msgspec import Struct

from bff.clients.catalog import Product
from bff.clients.common import Money, Sku
from bff.clients.discount import Discount
from bff.clients.feed import Follows
from bff.clients.inventory import Inventory, Stock
from bff.clients.reviews import Rating, ReviewList, Reviews
from bff.mobile import OPTIONAL_TIMEOUT
from bff.mobile.cards import Stars, stars, was
from bff.mobile.device import CARD_WIDTH, PRODUCT_WIDTH, Device, device
from bff.mobile.localization import Localization, first_sentences, localization, truncate
from bff.shared.news import follows, is_following, unknown
from bff.shared.prices import current_price
from bff.shared.sources import RETRY, add_related, discounts, product
from frontispiece.pages import Page

RELATED = 6
SENTENCES = 2
MAX_DESCRIPTION = 400
MAX_REVIEW = 140

page = Page("/products/{sku}", deadline=0.8, vary=("accept-language", "width"))
page.source()(localization)
page.source()(device)
page.source(retry=RETRY)(product)
page.source(timeout=OPTIONAL_TIMEOUT, fallback=dict)(discounts)
add_related(page, OPTIONAL_TIMEOUT, limit=RELATED)
page.source(timeout=OPTIONAL_TIMEOUT, fallback=unknown)(follows)


class ShortReview(Struct, frozen=True):
    """The beginning of a review."""

    rating: int
    title: str
    text: str


class Companion(Struct, frozen=True, omit_defaults=True):
    """A related product."""

    sku: str
    name: str
    price: str
    image: str | None = None


class ProductScreen(Struct, frozen=True, omit_defaults=True):
    """Everything on the screen; what is not known or does not apply is left out.

    `amount` is the price to calculate with. `following` says whether the caller follows the brand.
    """

    sku: str
    name: str
    brand: str
    brand_id: str
    price: str
    amount: Money
    following: bool | None = None
    was: str | None = None
    badges: list[str] = []
    image: str | None = None
    description: str = ""
    stars: Stars | None = None
    review: ShortReview | None = None
    related: list[Companion] = []


@page.source(timeout=OPTIONAL_TIMEOUT, fallback=Stock.unknown)
async def stock(sku: Sku, inventory: Inventory) -> Stock:
    """Its stock."""
    return await inventory.load_stock(sku)


@page.source(timeout=OPTIONAL_TIMEOUT, fallback=Rating)
async def rating(sku: Sku, reviews: Reviews) -> Rating:
    """Its rating."""
    return await reviews.load_rating(sku)


@page.source(timeout=OPTIONAL_TIMEOUT, fallback=ReviewList.none)
async def latest(sku: Sku, reviews: Reviews) -> ReviewList:
    """Its newest review."""
    return await reviews.latest(sku, 1)


@page.source(fallback=list)
async def skus(product: Product, related_skus: list[str]) -> list[str]:
    """The products with a price on this screen."""
    return [product.sku, *related_skus]


@page.view
def screen(
    product: Product,
    stock: Stock,
    discounts: dict[str, Discount],
    rating: Rating,
    latest: ReviewList,
    related: list[Product],
    follows: Follows,
    localization: Localization,
    device: Device,
) -> ProductScreen:
    """The product screen."""
    return ProductScreen(
        sku=product.sku,
        name=product.name,
        brand=product.brand.name,
        brand_id=product.brand.id,
        price=localization.price(current_price(product, discounts)),
        amount=current_price(product, discounts),
        following=is_following(product.brand.id, follows),
        was=was(product, discounts, localization),
        badges=localization.badges(discounts.get(product.sku), stock),
        image=device.image(product, PRODUCT_WIDTH),
        description=truncate(first_sentences(product.description, SENTENCES), MAX_DESCRIPTION),
        stars=stars(rating),
        review=_review(latest),
        related=[
            Companion(
                sku=other.sku,
                name=other.name,
                price=localization.price(current_price(other, discounts)),
                image=device.beside().image(other, CARD_WIDTH),
            )
            for other in related
        ],
    )


def _review(latest: ReviewList) -> ShortReview | None:
    if not latest.items:
        return None
    newest = latest.items[0]
    return ShortReview(newest.rating, newest.title, truncate(newest.text, MAX_REVIEW))
