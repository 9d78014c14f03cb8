"""The web client's start page: departments, brands and featured products."""

from msgspec import Struct

from bff.clients.models import Counted, Discount, Rating, SearchResult, Stock
from bff.clients.services import Catalog
from bff.shared.sources import DEPARTMENTS, FEATURED, RETRY, add_product_facts, found_skus, types
from bff.web import OPTIONAL_TIMEOUT
from bff.web.cards import Card, cards
from frontispiece.pages import Page

COUNT = 12

page = Page("/home", deadline=1.5)
page.source(timeout=OPTIONAL_TIMEOUT, fallback=list, cache=DEPARTMENTS)(types)
page.source(name="skus")(found_skus)
add_product_facts(page, OPTIONAL_TIMEOUT)


class Home(Struct, frozen=True):
    """Everything on the start page."""

    types: list[Counted]
    brands: list[Counted]
    featured: list[Card]
    total: int


@page.source(cache=FEATURED, retry=RETRY)
async def found(catalog: Catalog) -> SearchResult:
    """The featured products: the first by name, which are of all departments."""
    return await catalog.search(sort="name", limit=COUNT)


@page.view
def home(
    types: list[Counted],
    found: SearchResult,
    stocks: dict[str, Stock],
    discounts: dict[str, Discount],
    ratings: dict[str, Rating],
) -> Home:
    """The start page."""
    return Home(
        types=types,
        brands=found.facets.brands,
        featured=cards(found.items, stocks, discounts, ratings),
        total=found.total,
    )
