"""The client of feed."""

from urllib.parse import quote, urlencode

from msgspec import Struct

from bff.clients.common import Client, Moment, Money


class News(Struct, frozen=True):
    """News of a brand that a customer follows; the prices are those of its time, None for news of stock.

    `others` is how many more articles the brand has added with a new one.
    """

    id: str
    kind: str
    brand: str
    sku: str
    at: Moment
    price: Money | None
    price_before: Money | None
    others: int = 0


class Timeline(Struct, frozen=True):
    """The news of the brands that a customer follows, newest first; they are read up to an id.

    `follows` is None while it is not known.
    """

    items: list[News] = []
    follows: list[str] | None = []
    unread: int = 0
    read_up_to: str = "0"
    next: str | None = None


class Unread(Struct, frozen=True):
    """How many news a customer has not read: 100 for as many or more."""

    unread: int


class Follows(Struct, frozen=True):
    """The brands that a customer follows, by id; None while that is not known."""

    items: list[str] | None


def _follow(owner: str, brand: str) -> str:
    return f"/follows/{quote(owner, safe='')}/{quote(brand, safe='')}"


class Feeds(Client):
    """The brands that customers follow, and their news."""

    async def timeline(self, owner: str, limit: int, cursor: str | None = None) -> Timeline:
        """The newest news of the brands that a customer follows, or those after a cursor."""
        query = urlencode({"limit": limit} | ({"cursor": cursor} if cursor else {}))
        return await self._service.get(f"/timelines/{quote(owner, safe='')}?{query}", Timeline)

    async def mark_read(self, owner: str, up_to: str) -> Unread:
        """Mark a customer's news up to an id as read; returns how many are left."""
        path = f"/timelines/{quote(owner, safe='')}/read"
        return await self._service.send("PUT", path, Unread, body={"up_to": up_to})

    async def follows(self, owner: str) -> Follows:
        """The brands that a customer follows."""
        return await self._service.get(f"/follows/{quote(owner, safe='')}", Follows)

    async def follow(self, owner: str, brand: str) -> Follows:
        """Follow a brand; returns all that the customer follows."""
        return await self._service.send("PUT", _follow(owner, brand), Follows)

    async def unfollow(self, owner: str, brand: str) -> Follows:
        """Follow a brand no more; returns all that the customer follows."""
        return await self._service.send("DELETE", _follow(owner, brand), Follows)
