"""The mobile client's start screen: the ways into the shop, and a few articles."""

from msgspec import Struct

from bff.mobile import PATIENCE
from bff.mobile.display import Display, display
from bff.mobile.tiles import Tile, tiles
from bff.mobile.words import Words, words
from bff.services import Catalog
from bff.shapes import Counted, Discount, Found, Named, Rating, Stock
from bff.sources import DEPARTMENTS, ONCE_MORE, WINDOW, add_article_facts, found_skus, types
from gateway.page import Page

FEATURED = 8

page = Page("/home", deadline=0.8, vary=("accept-language", "width"))
page.source()(words)
page.source()(display)
page.source(timeout=PATIENCE, fallback=list, cache=DEPARTMENTS)(types)
page.source(name="skus")(found_skus)
add_article_facts(page, PATIENCE)


class Home(Struct, frozen=True, omit_defaults=True):
    """Everything on the start screen."""

    tiles: list[Tile]
    types: list[Named] = []


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
    words: Words,
    display: Display,
) -> Home:
    """The start screen."""
    return Home(
        tiles=tiles(found.items, stocks, discounts, ratings, words, display),
        types=[Named(kind.id, kind.name) for kind in types],
    )
