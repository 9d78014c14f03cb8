"""The web client's search: cards, facets to narrow by, and the way to the next page."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from bff.services import Catalog
from bff.shapes import Discount, Facets, Found, Rating, Stock
from bff.sources import ONCE_MORE, Limit, add_article_facts, found_skus
from bff.web import PATIENCE
from bff.web.cards import Card, cards
from gateway.page import Page

Sort = Literal["relevance", "name", "price", "-price"]
Price = Annotated[int, Meta(ge=0)]

page = Page("/search", deadline=1.5)
page.source(name="skus")(found_skus)
add_article_facts(page, PATIENCE)


class Results(Struct, frozen=True):
    """Some of what was found."""

    total: int
    items: list[Card]
    facets: Facets
    next: str | None


@page.source(retry=ONCE_MORE)
async def found(
    catalog: Catalog,
    q: str | None = None,
    brand: list[str] | None = None,
    type: list[str] | None = None,  # noqa: A002 (the name of the query parameter)
    min_price: Price | None = None,
    max_price: Price | None = None,
    sort: Sort | None = None,
    cursor: str | None = None,
    limit: Limit = 24,
) -> Found:
    """The articles that fit."""
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


@page.view
def results(
    found: Found, stocks: dict[str, Stock], discounts: dict[str, Discount], ratings: dict[str, Rating]
) -> Results:
    """What was found."""
    items = cards(found.items, stocks, discounts, ratings)
    return Results(total=found.total, items=items, facets=found.facets, next=found.next)
