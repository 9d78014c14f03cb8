"""The web client's start page: what the shop has, what is cheap now, what came last."""

from msgspec import Struct

from bff.services import Catalog
from bff.shapes import Counted, Discount, Found, Rating, Stock
from bff.sources import DEPARTMENTS, ONCE_MORE, WINDOW, add_article_facts, found_skus, types
from bff.web import PATIENCE
from bff.web.cards import Card, cards
from gateway.page import Page

FEATURED = 12

page = Page("/home", deadline=1.5)
page.source(timeout=PATIENCE, fallback=list, cache=DEPARTMENTS)(types)
page.source(name="skus")(found_skus)
add_article_facts(page, PATIENCE)


class Home(Struct, frozen=True):
    """Everything on the start page."""

    types: list[Counted]
    brands: list[Counted]
    featured: list[Card]
    total: int


@page.source(cache=WINDOW, retry=ONCE_MORE)
async def found(catalog: Catalog) -> Found:
    """The articles in the window."""
    return await catalog.search(sort="-price", limit=FEATURED)


@page.view
def home(
    types: list[Counted],
    found: Found,
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
