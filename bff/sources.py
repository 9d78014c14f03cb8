"""Sources that pages of every client share: what is asked of the services is the same, the views are not.

A page that shows articles declares a source `skus` and adds what it wants to know of them.
"""

from typing import Annotated

from msgspec import Meta, Struct

from bff.discounts import Discounts
from bff.services import Baskets, Catalog, Inventory, Orders, Reviews, known
from bff.shapes import (
    Basket,
    Counted,
    Discount,
    Found,
    Order,
    OrderList,
    Product,
    Quantity,
    Rating,
    Sku,
    Stock,
)
from gateway.page import Body, Cache, Inbound, Page, Retry, gather
from kit.problems import Problem
from kit.tokens import Identity

Limit = Annotated[int, Meta(ge=1, le=100)]


# Departments come and go a few times a year: they may be minutes old, and for a day old ones are better than
# none. They are the same for everybody, and so for every process of an app.
DEPARTMENTS = Cache(ttl=60, stale=600, stale_if_error=86_400, shared=True)

# Everybody who comes in sees the same window. Its prices may be seconds old, for nothing is bought at them:
# articles' own pages, baskets and orders ask anew. While the catalogue is away there is still a window.
WINDOW = Cache(ttl=5, stale_if_error=3600)

ONCE_MORE = Retry()
"""For what a page only reads and cannot do without: one call that went wrong does not end the page."""


async def types(catalog: Catalog) -> list[Counted]:
    """The departments."""
    return await catalog.types()


async def product(sku: Sku, catalog: Catalog) -> Product:
    """The article itself."""
    return await catalog.the_product(sku)


async def stocks(skus: list[str], inventory: Inventory) -> dict[str, Stock]:
    """The stock of every article shown."""
    return {stock.sku: stock for stock in await gather(inventory.stock(sku) for sku in skus)}


async def discounts(skus: list[str], rules: Discounts) -> dict[str, Discount]:
    """The discounts of those articles shown that have one."""
    best = await gather(rules.best(sku) for sku in skus)
    return {sku: discount for sku, discount in zip(skus, best, strict=True) if discount is not None}


async def ratings(skus: list[str], reviews: Reviews) -> dict[str, Rating]:
    """The ratings of every article shown."""
    return {rating.sku: rating for rating in await gather(reviews.rating(sku) for sku in skus)}


async def basket(identity: Identity, baskets: Baskets) -> Basket:
    """The caller's basket."""
    return await baskets.basket(identity.subject)


class Change(Struct, frozen=True, forbid_unknown_fields=True):
    """How many pieces of an article are to be in the basket."""

    quantity: Quantity


async def put(sku: Sku, change: Body[Change], identity: Identity, baskets: Baskets) -> Basket:
    """The caller's basket after an article's quantity was set."""
    return await baskets.put(identity.subject, sku, change.quantity)


async def remove(sku: Sku, identity: Identity, baskets: Baskets) -> Basket:
    """The caller's basket after an article was taken out."""
    return await baskets.remove(identity.subject, sku)


async def in_basket(basket: Basket) -> list[str]:
    """The articles in the basket."""
    return [item.sku for item in basket.items]


async def products(skus: list[str], catalog: Catalog) -> list[Product]:
    """The articles shown; those that the catalogue has no more are left out."""
    return known(await gather(catalog.product(sku) for sku in skus))


async def found_skus(found: Found) -> list[str]:
    """The articles that were found."""
    return [product.sku for product in found.items]


class Wish(Struct, frozen=True, forbid_unknown_fields=True):
    """An order for what is in the basket."""

    coupon: Annotated[str, Meta(max_length=64)] | None = None


async def placed(wish: Body[Wish], request: Inbound, orders: Orders) -> Order:
    """The order that was just placed; the client's `Idempotency-Key` makes sure that it is only one."""
    key = request.header("idempotency-key")
    if key is None:
        raise Problem(422, "idempotency-key-missing", "An order needs an Idempotency-Key.")
    return await orders.place(wish.coupon, key)


async def orders(book: Orders, cursor: str | None = None, limit: Limit = 20) -> OrderList:
    """The caller's orders, newest first."""
    return await book.page(cursor, limit)


async def order(order_id: str, book: Orders) -> Order:
    """One of the caller's orders."""
    return await book.order(order_id)


def add_article_facts(page: Page, patience: float) -> None:
    """Add what is told of the articles in `skus`: stock, discount and rating, each of all in one call.

    The page does without those that take longer than `patience` seconds.
    """
    for facts in (stocks, discounts, ratings):
        page.source(timeout=patience, fallback=dict)(facts)


def basket_pages(
    *, reading: float, changing: float, patience: float, vary: tuple[str, ...] = ()
) -> list[Page]:
    """The pages around a basket: to see it, to set an article's quantity, to take an article out.

    They have their sources; a client adds its own view to each.

    Args:
        reading: seconds until the basket is answered.
        changing: seconds until a change is answered, with the basket after it.
        patience: seconds that all three wait for stocks and discounts, which they can do without.
        vary: request headers that the client's view depends on.
    """
    see = Page("/basket", deadline=reading, vary=vary)
    set_quantity = Page("/basket/items/{sku}", deadline=changing, method="PUT", vary=vary)
    take_out = Page("/basket/items/{sku}", deadline=changing, method="DELETE", vary=vary)
    see.source(retry=ONCE_MORE)(basket)
    set_quantity.source(name="basket")(put)
    take_out.source(name="basket")(remove)
    for page in (see, set_quantity, take_out):
        page.source(name="skus")(in_basket)
        page.source(retry=ONCE_MORE)(products)
        page.source(timeout=patience, fallback=dict)(discounts)
        page.source(timeout=patience, fallback=dict)(stocks)
    return [see, set_quantity, take_out]
