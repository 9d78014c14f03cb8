"""The mobile client's search: cards, and the cursor of the next page."""

from msgspec import Struct

from bff.clients.catalog import Counted, SearchResult
from bff.clients.discount import Discount
from bff.clients.inventory import Stock
from bff.clients.reviews import Rating
from bff.mobile import OPTIONAL_TIMEOUT
from bff.mobile.cards import Card, cards
from bff.mobile.device import Device, device
from bff.mobile.localization import Localization, localization
from bff.shared.sources import RETRY, add_product_facts, found_skus, search
from frontispiece.pages import Page

page = Page("/search", deadline=0.9, vary=("accept-language", "width"))
page.source()(localization)
page.source()(device)
page.source(retry=RETRY)(search(default_limit=12))
page.source(name="skus")(found_skus)
add_product_facts(page, OPTIONAL_TIMEOUT)


class Results(Struct, frozen=True, omit_defaults=True):
    """A page of search results; `types` only when facets are requested."""

    total: int
    tiles: list[Card]
    next: str | None = None
    types: list[Counted] = []


@page.view
def results(
    found: SearchResult,
    stocks: dict[str, Stock],
    discounts: dict[str, Discount],
    ratings: dict[str, Rating],
    localization: Localization,
    device: Device,
    facets: bool = False,  # noqa: FBT001, FBT002 (a query parameter: the engine passes it by name)
) -> Results:
    """The search results."""
    return Results(
        total=found.total,
        tiles=cards(found.items, stocks, discounts, ratings, localization, device),
        next=found.next,
        types=found.facets.types if facets else [],
    )
