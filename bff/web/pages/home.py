"""The web client's start page: departments, brands and featured products."""

from msgspec import Struct

from bff.clients.catalog import Catalog, Counted, Image, Product, SearchResult
from bff.clients.common import Moment, Money
from bff.clients.discount import Discount
from bff.clients.feed import Timeline
from bff.clients.inventory import Stock
from bff.clients.reviews import Rating
from bff.shared.news import add_news, newest, news_page, shown
from bff.shared.sources import DEPARTMENTS, FEATURED, RETRY, add_product_facts, found_skus, types
from bff.web import OPTIONAL_TIMEOUT
from bff.web.cards import Card, cards
from frontispiece.pages import Page

COUNT = 12

page = Page("/home", deadline=1.5)
page.source(timeout=OPTIONAL_TIMEOUT, fallback=list, cache=DEPARTMENTS)(types)
page.source(name="skus")(found_skus)
add_product_facts(page, OPTIONAL_TIMEOUT)
add_news(page, OPTIONAL_TIMEOUT)
news = news_page(deadline=1.5)


class NewsItem(Struct, frozen=True):
    """News of a brand: an article that is new, cheaper (`price_before`) or back in stock.

    `others` is how many more articles are new with it.
    """

    id: str
    kind: str
    sku: str
    name: str
    brand: str
    image: Image | None
    at: Moment
    price: Money | None
    price_before: Money | None
    is_unread: bool
    others: int


class Feed(Struct, frozen=True):
    """Some news of the brands that the caller follows, newest first, and the number of all that are unread.

    `follows` is null while nothing of it is known; `next` is the cursor of older news.
    """

    items: list[NewsItem]
    follows: list[str] | None
    unread: int
    newest: str | None
    next: str | None


class Home(Struct, frozen=True):
    """Everything on the start page."""

    types: list[Counted]
    brands: list[Counted]
    featured: list[Card]
    total: int
    feed: Feed


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
    timeline: Timeline,
    articles_of_news: list[Product],
) -> Home:
    """The start page."""
    return Home(
        types=types,
        brands=found.facets.brands,
        featured=cards(found.items, stocks, discounts, ratings),
        total=found.total,
        feed=_feed(timeline, articles_of_news),
    )


@news.view
def older_news(timeline: Timeline, articles_of_news: list[Product]) -> Feed:
    """Older news."""
    return _feed(timeline, articles_of_news)


def _feed(timeline: Timeline, articles: list[Product]) -> Feed:
    return Feed(
        items=[
            NewsItem(
                id=news.id,
                kind=news.kind,
                sku=article.sku,
                name=article.name,
                brand=article.brand.name,
                image=article.images[0] if article.images else None,
                at=news.at,
                price=news.price,
                price_before=news.price_before,
                is_unread=is_unread,
                others=news.others,
            )
            for news, article, is_unread in shown(timeline, articles)
        ],
        follows=timeline.follows,
        unread=timeline.unread,
        newest=newest(timeline),
        next=timeline.next,
    )
