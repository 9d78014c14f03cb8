"""Sources that the pages of every client share: clients load the same and view it differently.

A page that shows products declares a source `skus` and adds the facts of them that it shows.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

from msgspec import Meta, Struct

from bff.clients.basket import Basket, Baskets
from bff.clients.catalog import Catalog, Counted, Product, SearchResult
from bff.clients.common import Quantity, Sku
from bff.clients.discount import Discount, Discounts
from bff.clients.inventory import Inventory, Stock
from bff.clients.recommendation import Recommendations
from bff.clients.reviews import Rating, Reviews
from frontispiece.pages import Body, Cache, Page, Retry, gather
from frontispiece.security import Identity

Limit = Annotated[int, Meta(ge=1, le=100)]

# Departments change a few times a year: they may be minutes old, and for a day stale ones are better than
# none. They are the same for everybody, and so for every process of an app.
DEPARTMENTS = Cache(ttl=60, stale=600, stale_if_error=86_400, shared=True)

# Every visitor sees the same featured products. Their prices may be seconds old, for nothing is bought at
# them: product pages, baskets and orders load anew. While the catalog is down, stale ones are still shown.
FEATURED = Cache(ttl=5, stale_if_error=3600)

# What customers bought beside a product is the same for everybody, and changes slowly: it may be minutes old,
# and for a day older ones are better than none.
ALSO_BOUGHT = Cache(ttl=5, stale=600, stale_if_error=86_400, shared=True)

MAX_ALSO_BOUGHT = 6
"""Products that customers of a product have bought, too, on its page."""

MIN_ALSO_BOUGHT = 3
"""As many are shown before those that the catalog lists as related; fewer are not shown at all."""

ALSO_BOUGHT_TIMEOUT = 0.2
"""In seconds; short, for the stock and the price of what is shown is loaded when that is known."""

RETRY = Retry()
"""For required sources that only read: one failed call does not fail the page."""


async def types(catalog: Catalog) -> list[Counted]:
    """The departments."""
    return await catalog.types()


async def product(sku: Sku, catalog: Catalog) -> Product:
    """The product that the page is about."""
    return await catalog.get_product(sku)


async def stocks(skus: list[str], inventory: Inventory) -> dict[str, Stock]:
    """The stock of every product shown."""
    return {stock.sku: stock for stock in await gather(map(inventory.load_stock, skus))}


def available(sku: str, stocks: dict[str, Stock]) -> int | None:
    """Pieces in stock; None when that is not known."""
    return stocks[sku].available if sku in stocks else None


async def discounts(skus: list[str], price_rules: Discounts) -> dict[str, Discount]:
    """The discounts of the products shown that have one."""
    found = await gather(map(price_rules.load_discount, skus))
    return {sku: discount for sku, discount in zip(skus, found, strict=True) if discount is not None}


async def ratings(skus: list[str], reviews: Reviews) -> dict[str, Rating]:
    """The ratings of every product shown."""
    return {rating.sku: rating for rating in await gather(map(reviews.load_rating, skus))}


async def basket(identity: Identity, baskets: Baskets) -> Basket:
    """The caller's basket."""
    return await baskets.get(identity.subject)


class Change(Struct, frozen=True, forbid_unknown_fields=True):
    """The quantity that a product is to have in the basket."""

    quantity: Quantity


async def put(sku: Sku, change: Body[Change], identity: Identity, baskets: Baskets) -> Basket:
    """The caller's basket after the quantity of a product was set."""
    return await baskets.put(identity.subject, sku, change.quantity)


async def remove(sku: Sku, identity: Identity, baskets: Baskets) -> Basket:
    """The caller's basket after a product was removed."""
    return await baskets.remove(identity.subject, sku)


async def basket_skus(basket: Basket) -> list[str]:
    """The products in the basket."""
    return [item.sku for item in basket.items]


async def products(skus: list[str], catalog: Catalog) -> list[Product]:
    """The products shown; those that the catalog no longer has are left out."""
    found = await gather(map(catalog.load_product, skus))
    return [product for product in found if product is not None]


Sort = Literal["relevance", "name", "price", "-price"]
Price = Annotated[int, Meta(ge=0)]


def search(default_limit: int) -> Callable[..., Awaitable[SearchResult]]:
    """A source: the products that match the query parameters, `default_limit` a page."""

    async def found(
        catalog: Catalog,
        q: str | None = None,
        brand: list[str] | None = None,
        type: list[str] | None = None,  # noqa: A002 (the name of the query parameter)
        min_price: Price | None = None,
        max_price: Price | None = None,
        sort: Sort | None = None,
        cursor: str | None = None,
        limit: Limit = default_limit,
    ) -> SearchResult:
        """The products that match."""
        return await catalog.search(
            q=q,
            brand=brand,
            type=type,
            min_price=min_price,
            max_price=max_price,
            sort=sort,
            cursor=cursor,
            limit=limit,
        )

    return found


async def found_skus(found: SearchResult) -> list[str]:
    """The products that were found."""
    return [product.sku for product in found.items]


def add_product_facts(page: Page, timeout: float) -> None:
    """Add stock, discount and rating of the products in `skus`, each with one call for all of them.

    They are optional, with `timeout` seconds each.
    """
    for facts in (stocks, discounts, ratings):
        page.source(timeout=timeout, fallback=dict)(facts)


def add_related(page: Page, timeout: float, limit: int | None = None) -> None:
    """Add what is shown beside the product of a page: `related_skus` and `related`, which are optional.

    Args:
        page: has the source `product`.
        timeout: of the optional source, in seconds.
        limit: the maximum of products.
    """

    async def related_skus(product: Product, also_bought: list[str]) -> list[str]:
        """What its customers have bought, too, where that is known, and then what the catalog lists."""
        bought = also_bought if len(also_bought) >= MIN_ALSO_BOUGHT else []
        return [*bought, *(sku for sku in product.related if sku not in bought)][:limit]

    page.source(timeout=ALSO_BOUGHT_TIMEOUT, fallback=list, cache=ALSO_BOUGHT)(also_bought)
    page.source(fallback=list)(related_skus)
    page.source(timeout=timeout, fallback=list)(related)


async def also_bought(sku: Sku, recommendations: Recommendations) -> list[str]:
    """The products that customers of the product have bought, too."""
    return await recommendations.beside(sku, MAX_ALSO_BOUGHT)


async def related(related_skus: list[str], catalog: Catalog) -> list[Product]:
    """The products beside the product that are sold."""
    return await products(related_skus, catalog)


def basket_pages(
    *, read_deadline: float, change_deadline: float, optional_timeout: float, vary: tuple[str, ...] = ()
) -> list[Page]:
    """The pages of a basket: to read it, to set the quantity of a product, to remove a product.

    They have their sources; a client adds its own view to each.

    Args:
        read_deadline: of the page that reads, in seconds.
        change_deadline: of the pages that change, in seconds.
        optional_timeout: of the sources of stocks and discounts, in seconds.
        vary: request headers that the client's view depends on.
    """
    read = Page("/basket", deadline=read_deadline, vary=vary)
    set_quantity = Page("/basket/items/{sku}", deadline=change_deadline, method="PUT", vary=vary)
    remove_item = Page("/basket/items/{sku}", deadline=change_deadline, method="DELETE", vary=vary)
    read.source(retry=RETRY)(basket)
    set_quantity.source(name="basket")(put)
    remove_item.source(name="basket")(remove)
    for page in (read, set_quantity, remove_item):
        page.source(name="skus")(basket_skus)
        page.source(retry=RETRY)(products)
        page.source(timeout=optional_timeout, fallback=dict)(discounts)
        page.source(timeout=optional_timeout, fallback=dict)(stocks)
    return [read, set_quantity, remove_item]
