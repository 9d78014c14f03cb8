"""Finding products, and the details of one."""

from msgspec import Struct

from bff.agent import OPTIONAL_TIMEOUT, READ_BUDGET
from bff.clients.catalog import Product, SearchResult
from bff.clients.common import Money, Sku
from bff.clients.discount import Discount
from bff.clients.inventory import Stock
from bff.clients.reviews import Rating
from bff.shared.prices import current_price
from bff.shared.sources import RETRY, add_product_facts, available, found_skus, product, search
from frontispiece.pages import Page, Tool

find = Page("/search", deadline=1.5, agent=Tool("find products", budget=READ_BUDGET, paged="items"))
find.source(retry=RETRY)(search(default_limit=10))
find.source(name="skus")(found_skus)
add_product_facts(find, OPTIONAL_TIMEOUT)

details = Page(
    "/products/{sku}", deadline=1.5, agent=Tool("show product", uri="product:{sku}", budget=READ_BUDGET)
)
details.source(retry=RETRY)(product)
add_product_facts(details, OPTIONAL_TIMEOUT)

pages = [find, details]


class Found(Struct, frozen=True):
    """A product; `available` pieces and the average `rating` are null where they are not known."""

    sku: str
    name: str
    brand: str
    price: Money
    available: int | None
    rating: float | None


class Results(Struct, frozen=True):
    """Some of `total` products; `next` is the cursor of more."""

    total: int
    items: list[Found]
    next: str | None


class Details(Struct, frozen=True):
    """A product with what helps to decide on it."""

    sku: str
    name: str
    brand: str
    type: str
    price: Money
    price_before_discount: Money
    available: int | None
    rating: float | None
    ratings: int
    description: str
    attributes: dict[str, str]


@find.view
def results(
    found: SearchResult, stocks: dict[str, Stock], discounts: dict[str, Discount], ratings: dict[str, Rating]
) -> Results:
    """The products that match words, a brand, a type or a price in minor units, with stock and rating."""
    items = [
        Found(
            sku=each.sku,
            name=each.name,
            brand=each.brand.name,
            price=current_price(each, discounts),
            available=available(each.sku, stocks),
            rating=ratings.get(each.sku, Rating()).average,
        )
        for each in found.items
    ]
    return Results(total=found.total, items=items, next=found.next)


@details.source()
async def skus(sku: Sku) -> list[str]:
    """The product."""
    return [sku]


@details.view
def shown(
    product: Product, stocks: dict[str, Stock], discounts: dict[str, Discount], ratings: dict[str, Rating]
) -> Details:
    """A product by its SKU: price, stock, rating, description and attributes."""
    rating = ratings.get(product.sku, Rating())
    return Details(
        sku=product.sku,
        name=product.name,
        brand=product.brand.name,
        type=product.type.name,
        price=current_price(product, discounts),
        price_before_discount=product.price,
        available=available(product.sku, stocks),
        rating=rating.average,
        ratings=rating.count,
        description=product.description,
        attributes={name: str(value) for name, value in product.attributes.items()},
    )
