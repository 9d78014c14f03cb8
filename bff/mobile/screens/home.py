"""The mobile client's start screen: departments and a few products."""

from msgspec import Struct

from bff.clients.catalog import Catalog, Counted, Named, Product, SearchResult
from bff.clients.discount import Discount
from bff.clients.feed import Timeline
from bff.clients.inventory import Stock
from bff.clients.reviews import Rating
from bff.mobile import OPTIONAL_TIMEOUT
from bff.mobile.cards import Card, cards
from bff.mobile.device import CARD_WIDTH, Device, device
from bff.mobile.localization import Localization, localization
from bff.shared.news import add_news, newest, news_page, shown
from bff.shared.sources import DEPARTMENTS, FEATURED, RETRY, add_product_facts, found_skus, types
from frontispiece.pages import Page

COUNT = 8

page = Page("/home", deadline=0.8, vary=("accept-language", "width"))
page.source()(localization)
page.source()(device)
page.source(timeout=OPTIONAL_TIMEOUT, fallback=list, cache=DEPARTMENTS)(types)
page.source(name="skus")(found_skus)
add_product_facts(page, OPTIONAL_TIMEOUT)
add_news(page, OPTIONAL_TIMEOUT)
news = news_page(deadline=0.8)
news.source()(localization)
news.source()(device)


class NewsItem(Struct, frozen=True, omit_defaults=True):
    """News of a brand: an article that is new, cheaper (`was`) or back in stock.

    `others` is how many more articles are new with it.
    """

    id: str
    kind: str
    sku: str
    name: str
    brand: str
    image: str | None = None
    price: str | None = None
    was: str | None = None
    is_unread: bool = False
    others: int = 0


class NewsList(Struct, frozen=True, omit_defaults=True):
    """Some news, newest first, and the cursor of older ones."""

    news: list[NewsItem] = []
    next: str | None = None


class Home(Struct, frozen=True, omit_defaults=True):
    """Everything on the start screen."""

    tiles: list[Card]
    types: list[Named] = []
    news: list[NewsItem] = []
    unread: int = 0
    newest: str | None = None
    next_news: str | None = None


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
    localization: Localization,
    device: Device,
) -> Home:
    """The start screen."""
    return Home(
        tiles=cards(found.items, stocks, discounts, ratings, localization, device),
        types=[Named(kind.id, kind.name) for kind in types],
        news=_items(timeline, articles_of_news, localization, device),
        unread=timeline.unread,
        newest=newest(timeline),
        next_news=timeline.next,
    )


@news.view
def older_news(
    timeline: Timeline, articles_of_news: list[Product], localization: Localization, device: Device
) -> NewsList:
    """Older news."""
    return NewsList(news=_items(timeline, articles_of_news, localization, device), next=timeline.next)


def _items(
    timeline: Timeline, articles: list[Product], localization: Localization, device: Device
) -> list[NewsItem]:
    return [
        NewsItem(
            id=news.id,
            kind=news.kind,
            sku=article.sku,
            name=article.name,
            brand=article.brand.name,
            image=device.beside().image(article, CARD_WIDTH),
            price=localization.price(news.price) if news.price else None,
            was=localization.price(news.price_before) if news.price_before else None,
            is_unread=is_unread,
            others=news.others,
        )
        for news, article, is_unread in shown(timeline, articles)
    ]
