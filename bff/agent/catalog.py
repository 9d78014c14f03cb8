"""Finding products, and the details of one."""

from msgspec import Struct

from bff.agent import OPTIONAL_TIMEOUT, READ_BUDGET
from bff.clients.catalog import Product, SearchResult
from bff.clients.common import Money, Sku
from bff.clients.discount import Discount
from bff.clients.inventory import Inventory, Stock
from bff.clients.reviews import Rating, Reviews
from bff.shared.prices import current_price
from bff.shared.sources import RETRY, add_product_facts, discounts, found_skus, product, search
from frontispiece.pages import Page, Tool

find = Page("/search", deadline=1.5, agent=Tool("find products", budget=READ_BUDGET, paged="items"))
find.source(retry=RETRY)(search(default_limit=10))
find.source(name="skus")(found_skus)
add_product_facts(find, OPTIONAL_TIMEOUT)

details = Page(
    "/products/{sku}", deadline=1.5, agent=Tool("show product", uri="product:{sku}", budget=READ_BUDGET)
)
details.source(retry=RETRY)(product)
details.source(timeout=OPTIONAL_TIMEOUT, fallback=dict)(discounts)

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
            available=stocks[each.sku].available if each.sku in stocks else None,
            rating=ratings[each.sku].average if each.sku in ratings else None,
        )
        for each in found.items
    ]
    return Results(total=found.total, items=items, next=found.next)


@details.source(fallback=list)
async def skus(sku: Sku) -> list[str]:
    """The product."""
    return [sku]


@details.source(timeout=OPTIONAL_TIMEOUT, fallback=Stock.unknown)
async def stock(sku: Sku, inventory: Inventory) -> Stock:
    """Its stock."""
    return await inventory.load_stock(sku)


@details.source(timeout=OPTIONAL_TIMEOUT, fallback=Rating)
async def rating(sku: Sku, reviews: Reviews) -> Rating:
    """Its rating."""
    return await reviews.load_rating(sku)


@details.view
def shown(product: Product, discounts: dict[str, Discount], stock: Stock, rating: Rating) -> Details:
    """A product by its SKU: price, stock, rating, description and attributes."""
    return Details(
        sku=product.sku,
        name=product.name,
        brand=product.brand.name,
        type=product.type.name,
        price=current_price(product, discounts),
        price_before_discount=product.price,
        available=stock.available,
        rating=rating.average,
        ratings=rating.count,
        description=product.description,
        attributes={name: str(value) for name, value in product.attributes.items()},
    )
