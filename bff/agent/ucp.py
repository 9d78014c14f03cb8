"""The catalogue for platforms that speak the Universal Commerce Protocol: https://ucp.dev, REST binding.

Each product is sold in one variant, of the same id. Open to all, as the catalogue is.
"""

from typing import Any

from bff.agent import OPTIONAL_TIMEOUT
from bff.agent.ucp_models import (
    Availability,
    Filters,
    Input,
    LookupRequest,
    LookupResponse,
    Message,
    Paging,
    PriceFilter,
    PriceRange,
    Product,
    ProductRequest,
    ProductResponse,
    Score,
    SearchRequest,
    SearchResponse,
    Text,
    Ucp,
    Variant,
)
from bff.clients.catalog import Catalog, SearchResult
from bff.clients.catalog import Product as CatalogProduct
from bff.clients.discount import Discount
from bff.clients.inventory import Stock
from bff.clients.reviews import Rating
from bff.shared.prices import current_price
from bff.shared.sources import RETRY, add_product_facts, available, found_skus, products
from frontispiece.http import Problem
from frontispiece.pages import Body, Header, Page

VERSION = "2026-08-25"
SEARCH = "dev.ucp.shopping.catalog.search"
LOOKUP = "dev.ucp.shopping.catalog.lookup"

MAX_LIMIT = 100
MAX_IDS = 100

CURRENCY = "EUR"
"""A price filter in another currency is not applied, as the protocol allows."""

profile = Page("/.well-known/ucp", deadline=1.0)
search = Page("/ucp/catalog/search", deadline=1.5, method="POST")
lookup = Page("/ucp/catalog/lookup", deadline=1.5, method="POST")
detail = Page("/ucp/catalog/product", deadline=1.5, method="POST")

pages = [profile, search, lookup, detail]


@profile.view
def profiled(x_forwarded_host: Header[str] = "", x_forwarded_proto: Header[str] = "https") -> dict[str, Any]:
    """What of the protocol there is, and where."""
    spec = f"https://ucp.dev/{VERSION}"
    service = {
        "version": VERSION,
        "spec": f"{spec}/specification/overview",
        "transport": "rest",
        "schema": f"{spec}/services/shopping/rest.openapi.json",
        "endpoint": f"{x_forwarded_proto}://{x_forwarded_host}/ucp",
    }
    capabilities = {
        name: [
            {
                "version": VERSION,
                "spec": f"{spec}/specification/catalog/{kind}",
                "schema": f"{spec}/schemas/shopping/catalog_{kind}.json",
            }
        ]
        for name, kind in ((SEARCH, "search"), (LOOKUP, "lookup"))
    }
    return {
        "ucp": {
            "version": VERSION,
            "services": {"dev.ucp.shopping": [service]},
            "capabilities": capabilities,
            "payment_handlers": {},
        }
    }


@search.source(retry=RETRY)
async def found(wanted: Body[SearchRequest], catalog: Catalog) -> SearchResult:
    """The products that match."""
    if not wanted.query and wanted.filters is None:
        raise Problem(422, "invalid-request", "A search has a query or filters.")
    filters = wanted.filters or Filters()
    currency = wanted.context.currency if wanted.context else None
    price = filters.price if filters.price and currency in {None, CURRENCY} else PriceFilter()
    return await catalog.search(
        q=wanted.query,
        type=filters.categories,
        brand=filters.brand,
        min_price=price.min,
        max_price=price.max,
        cursor=wanted.pagination.cursor,
        limit=min(wanted.pagination.limit, MAX_LIMIT),
    )


search.source(name="skus")(found_skus)
add_product_facts(search, OPTIONAL_TIMEOUT)


@search.view
def results(
    found: SearchResult, stocks: dict[str, Stock], discounts: dict[str, Discount], ratings: dict[str, Rating]
) -> SearchResponse:
    """The products that match."""
    items = [_product(each, stocks, discounts, ratings) for each in found.items]
    paging = Paging(found.next is not None, found.total, found.next)
    return SearchResponse(_ucp(SEARCH), items, paging)


@lookup.source(name="skus")
async def looked_up(wanted: Body[LookupRequest]) -> list[str]:
    """Their ids."""
    if len(wanted.ids) > MAX_IDS:
        raise Problem(400, "request-too-large", f"A lookup has at most {MAX_IDS} ids.")
    return list(dict.fromkeys(wanted.ids))


@detail.source(name="skus")
async def the_id(wanted: Body[ProductRequest]) -> list[str]:
    """Its id."""
    return [wanted.id]


for page in (lookup, detail):
    page.source(retry=RETRY)(products)
    add_product_facts(page, OPTIONAL_TIMEOUT)


@lookup.view
def all_of_them(
    skus: list[str],
    products: list[CatalogProduct],
    stocks: dict[str, Stock],
    discounts: dict[str, Discount],
    ratings: dict[str, Rating],
) -> LookupResponse:
    """The products that there are."""
    items = [_product(each, stocks, discounts, ratings, [Input(each.sku)]) for each in products]
    missing = sorted(set(skus) - {each.sku for each in products})
    return LookupResponse(_ucp(LOOKUP), items, [Message("info", "not_found", each) for each in missing])


@detail.view
def one_of_them(
    skus: list[str],
    products: list[CatalogProduct],
    stocks: dict[str, Stock],
    discounts: dict[str, Discount],
    ratings: dict[str, Rating],
) -> ProductResponse:
    """A product, or that there is none: by the protocol that is no failure."""
    if not products:
        message = Message("error", "not_found", f"Product not found: {skus[0]}", "unrecoverable")
        return ProductResponse(_ucp(LOOKUP, "error"), messages=[message])
    return ProductResponse(_ucp(LOOKUP), _product(products[0], stocks, discounts, ratings))


def _ucp(capability: str, status: str = "success") -> Ucp:
    return Ucp(VERSION, {capability: [{"version": VERSION}]}, status)


def _product(
    product: CatalogProduct,
    stocks: dict[str, Stock],
    discounts: dict[str, Discount],
    ratings: dict[str, Rating],
    inputs: list[Input] | None = None,
) -> Product:
    price, text = current_price(product, discounts), Text(product.description)
    stock = available(product.sku, stocks)
    rating = ratings.get(product.sku, Rating())
    variant = Variant(
        id=product.sku,
        sku=product.sku,
        title=product.name,
        description=text,
        price=price,
        list_price=product.price if price != product.price else None,
        availability=None
        if stock is None
        else Availability(stock > 0, "in_stock" if stock else "out_of_stock"),
        inputs=inputs or [],
    )
    return Product(
        id=product.sku,
        title=product.name,
        description=text,
        categories=[{"value": product.type.id, "taxonomy": "merchant"}],
        price_range=PriceRange(price, price),
        variants=[variant],
        rating=None if rating.average is None else Score(rating.average, rating.count),
    )
