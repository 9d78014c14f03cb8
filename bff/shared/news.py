"""News of the brands that a customer follows: sources that the pages of every client share.

Who is not logged in follows nothing: then nothing is called, and pages show nothing of it.
"""

from typing import Annotated

from msgspec import Meta, Struct

from bff.clients.catalog import Catalog, Product
from bff.clients.feed import Feeds, Follows, News, Timeline, Unread
from bff.shared.sources import products
from frontispiece.pages import Body, Page, PageRequest
from frontispiece.security import Identity
from shop.fields import NO_LINE_END, SLUG

COUNT = 6
"""News on the start page."""

Brand = Annotated[str, Meta(pattern=SLUG + NO_LINE_END, max_length=64)]


class Read(Struct, frozen=True, forbid_unknown_fields=True):
    """Up to which news a customer has read: those with the id and all older ones."""

    up_to: Annotated[str, Meta(pattern="^[0-9]{1,19}$(?!\n)")]


class Following(Struct, frozen=True):
    """Whether a customer follows a brand."""

    brand: str
    following: bool


def _customer(request: PageRequest) -> str | None:
    """The caller who has logged in."""
    identity = request.identity
    return identity.subject if identity is not None and "shop" in identity.scopes else None


async def timeline(request: PageRequest, feeds: Feeds) -> Timeline:
    """The newest news of the brands that the caller follows."""
    customer = _customer(request)
    return Timeline() if customer is None else await feeds.timeline(customer, COUNT)


async def older(identity: Identity, feeds: Feeds, cursor: str | None = None) -> Timeline:
    """The news after a cursor, or the newest."""
    return await feeds.timeline(identity.subject, COUNT, cursor)


async def articles_of_news(timeline: Timeline, catalog: Catalog) -> list[Product]:
    """The articles of the news that are still sold."""
    return await products(list(dict.fromkeys(news.sku for news in timeline.items)), catalog)


def add_news(page: Page, timeout: float) -> None:
    """Add `timeline` and `articles_of_news` to a page; they are optional, with `timeout` seconds each."""
    page.source(timeout=timeout, fallback=lambda: Timeline(follows=None))(timeline)
    page.source(timeout=timeout, fallback=list)(articles_of_news)


def news_page(*, deadline: float) -> Page:
    """The page of older news, which wants a view.

    Args:
        deadline: in seconds.
    """
    page = Page("/feed", deadline=deadline, needed=False)
    page.source(name="timeline")(older)
    page.source()(articles_of_news)
    return page


def shown(timeline: Timeline, articles: list[Product]) -> list[tuple[News, Product, bool]]:
    """The news whose articles are sold, with these, and whether each is unread."""
    known = {article.sku: article for article in articles}
    read_up_to = int(timeline.read_up_to)
    return [
        (news, known[news.sku], int(news.id) > read_up_to) for news in timeline.items if news.sku in known
    ]


def newest(timeline: Timeline) -> str | None:
    """The id of the newest news, whose article may be gone: what is marked as read when all are."""
    return timeline.items[0].id if timeline.items else None


def unknown() -> Follows:
    """What the caller follows is not known."""
    return Follows(None)


async def follows(request: PageRequest, feeds: Feeds) -> Follows:
    """The brands that the caller follows."""
    customer = _customer(request)
    return unknown() if customer is None else await feeds.follows(customer)


def is_following(brand: str, follows: Follows) -> bool | None:
    """Whether the caller follows a brand; None for one who has not logged in, and while it is not known."""
    return None if follows.items is None else brand in follows.items


async def followed(brand: Brand, identity: Identity, feeds: Feeds) -> Follows:
    """The brands that the caller follows once this one is among them."""
    return await feeds.follow(identity.subject, brand)


async def unfollowed(brand: Brand, identity: Identity, feeds: Feeds) -> Follows:
    """The brands that the caller follows without this one."""
    return await feeds.unfollow(identity.subject, brand)


async def unread(read: Body[Read], identity: Identity, feeds: Feeds) -> Unread:
    """How many news the caller has not read after these."""
    return await feeds.mark_read(identity.subject, read.up_to)


def following(brand: Brand, follows: Follows) -> Following:
    """Whether the caller follows the brand now."""
    return Following(brand, bool(is_following(brand, follows)))


def left(unread: Unread) -> Unread:
    """The news that are unread."""
    return unread


def feed_pages(*, deadline: float) -> list[Page]:
    """The pages that change what a customer follows and has read; every client has the same.

    Args:
        deadline: of each, in seconds.
    """
    follow = Page("/brands/{brand}/follow", deadline=deadline, method="PUT", needed=False)
    unfollow = Page("/brands/{brand}/follow", deadline=deadline, method="DELETE", needed=False)
    mark_read = Page("/feed/read", deadline=deadline, method="PUT", needed=False)
    follow.source(name="follows")(followed)
    unfollow.source(name="follows")(unfollowed)
    mark_read.source()(unread)
    follow.view(following)
    unfollow.view(following)
    mark_read.view(left)
    return [follow, unfollow, mark_read]
