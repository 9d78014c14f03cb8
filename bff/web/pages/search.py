"""The web client's search: cards, facets to narrow by, and the way to the next page."""

from msgspec import Struct

from bff.clients.catalog import Facets, SearchResult
from bff.clients.discount import Discount
from bff.clients.inventory import Stock
from bff.clients.reviews import Rating
from bff.shared.sources import RETRY, add_product_facts, found_skus, search
from bff.web import OPTIONAL_TIMEOUT
from bff.web.cards import Card, cards
from frontispiece.pages import Page

page = Page("/search", deadline=1.5)
page.source(retry=RETRY)(search(default_limit=24))
page.source(name="skus")(found_skus)
add_product_facts(page, OPTIONAL_TIMEOUT)


class Results(Struct, frozen=True):
    """A page of search results."""

    total: int
    items: list[Card]
    facets: Facets
    next: str | None


@page.view
def results(
    found: SearchResult, stocks: dict[str, Stock], discounts: dict[str, Discount], ratings: dict[str, Rating]
) -> Results:
    """The search results."""
    items = cards(found.items, stocks, discounts, ratings)
    return Results(total=found.total, items=items, facets=found.facets, next=found.next)
