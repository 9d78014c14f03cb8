"""The mobile client's start screen: departments and a few products."""

from msgspec import Struct

from bff.clients.models import Counted, Discount, Named, Rating, SearchResult, Stock
from bff.clients.services import Catalog
from bff.mobile import OPTIONAL_TIMEOUT
from bff.mobile.cards import Card, cards
from bff.mobile.device import Device, device
from bff.mobile.localization import Localization, localization
from bff.shared.sources import DEPARTMENTS, FEATURED, RETRY, add_product_facts, found_skus, types
from frontispiece.pages import Page

COUNT = 8

page = Page("/home", deadline=0.8, vary=("accept-language", "width"))
page.source()(localization)
page.source()(device)
page.source(timeout=OPTIONAL_TIMEOUT, fallback=list, cache=DEPARTMENTS)(types)
page.source(name="skus")(found_skus)
add_product_facts(page, OPTIONAL_TIMEOUT)


class Home(Struct, frozen=True, omit_defaults=True):
    """Everything on the start screen."""

    tiles: list[Card]
    types: list[Named] = []


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
    localization: Localization,
    device: Device,
) -> Home:
    """The start screen."""
    return Home(
        tiles=cards(found.items, stocks, discounts, ratings, localization, device),
        types=[Named(kind.id, kind.name) for kind in types],
    )
