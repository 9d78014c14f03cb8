"""The client of basket."""

from urllib.parse import quote

from msgspec import Struct

from bff.clients.common import Client, Money


class BasketItem(Struct, frozen=True):
    """A product in a quantity; a piece cost `price_when_added` when it was put in, None if not known."""

    sku: str
    quantity: int
    price_when_added: Money | None = None


class WaitingItem(Struct, frozen=True):
    """A product in a quantity that a checkout gave back, and for which the basket has no room."""

    sku: str
    quantity: int


class Basket(Struct, frozen=True):
    """A basket; each state of it has a version of its own."""

    items: list[BasketItem]
    version: int
    waiting: list[WaitingItem] = []

    @property
    def pieces(self) -> int:
        """The number of pieces of all products together."""
        return sum(item.quantity for item in self.items)


def _basket(owner: str) -> str:
    return f"/baskets/{quote(owner, safe='')}"


def _basket_item(owner: str, sku: str) -> str:
    return f"{_basket(owner)}/items/{quote(sku, safe='')}"


class Baskets(Client):
    """The baskets."""

    async def get(self, owner: str) -> Basket:
        """The basket of an owner."""
        return await self._service.get(_basket(owner), Basket)

    async def put(self, owner: str, sku: str, quantity: int) -> Basket:
        """Set the quantity of a product; returns the changed basket."""
        return await self._service.send("PUT", _basket_item(owner, sku), Basket, body={"quantity": quantity})

    async def remove(self, owner: str, sku: str) -> Basket:
        """Remove a product; returns the changed basket."""
        return await self._service.send("DELETE", _basket_item(owner, sku), Basket)
