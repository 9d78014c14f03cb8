"""The mobile client's search: tiles, and the way to the next ones."""

from typing import Literal

from msgspec import Struct

from bff.mobile import PATIENCE
from bff.mobile.display import Display, display
from bff.mobile.tiles import Tile, tiles
from bff.mobile.words import Words, words
from bff.services import Catalog
from bff.shapes import Counted, Discount, Found, Rating, Stock
from bff.sources import ONCE_MORE, Limit, add_article_facts, found_skus
from gateway.page import Page

Sort = Literal["relevance", "name", "price", "-price"]

page = Page("/search", deadline=0.9, vary=("accept-language", "width"))
page.source()(words)
page.source()(display)
page.source(name="skus")(found_skus)
add_article_facts(page, PATIENCE)


class Results(Struct, frozen=True, omit_defaults=True):
    """Some of what was found; the types to narrow it by only when they were asked for."""

    total: int
    tiles: list[Tile]
    next: str | None = None
    types: list[Counted] = []


@page.source(retry=ONCE_MORE)
async def found(
    catalog: Catalog,
    q: str | None = None,
    type: str | None = None,  # noqa: A002 (the name of the query parameter)
    sort: Sort | None = None,
    cursor: str | None = None,
    limit: Limit = 12,
) -> Found:
    """The articles that fit."""
    return await catalog.search(q=q, type=type, sort=sort, cursor=cursor, limit=limit)


@page.view
def results(
    found: Found,
    stocks: dict[str, Stock],
    discounts: dict[str, Discount],
    ratings: dict[str, Rating],
    words: Words,
    display: Display,
    facets: bool = False,  # noqa: FBT001, FBT002 (a query parameter: the engine passes it by name)
) -> Results:
    """What was found."""
    return Results(
        total=found.total,
        tiles=tiles(found.items, stocks, discounts, ratings, words, display),
        next=found.next,
        types=found.facets.types if facets else [],
    )
