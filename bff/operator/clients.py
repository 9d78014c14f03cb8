"""What operators read of services, and the clients for it."""

from collections.abc import Sequence
from datetime import date
from urllib.parse import quote, urlencode

from msgspec import Struct

from bff.clients.common import Client, Items, Money
from bff.clients.ordering import OrderSummary


class OperatorOrder(OrderSummary, frozen=True, kw_only=True):
    """One order with the id of its customer, and the cursor of what comes after it."""

    owner: str
    cursor: str


class OperatorOrders(Struct, frozen=True):
    """Some orders, newest first."""

    items: list[OperatorOrder]
    next: str | None = None


class Sold(Struct, frozen=True):
    """How many pieces of a product were ordered."""

    sku: str
    pieces: int


class User(Struct, frozen=True):
    """A user; the mail address is not verified."""

    id: str
    name: str
    display_name: str
    email: str


class Figures(Struct, frozen=True):
    """The figures of one group of orders in one currency; `key` is empty for all."""

    key: str
    placed: int
    completed: int
    cancelled: int
    conversion: float
    pieces: int
    basket_size: float
    basket_value: Money
    captured: Money
    refunded: Money
    revenue: Money


class SalesReport(Struct, frozen=True):
    """The figures of the orders that were placed from `first` to `last`, days in UTC, in every grouping."""

    first: date
    last: date
    total: list[Figures]
    day: list[Figures]
    type: list[Figures]
    brand: list[Figures]
    client: list[Figures]
    coupon: list[Figures]


class OrdersOfAll(Client):
    """The orders of all customers, shard by shard."""

    async def shards(self) -> list[str]:
        """The names of the shards."""
        return (await self._service.get("/shards", Items[str])).items

    async def of_day(self, shard: str, day: str, cursor: str | None, limit: int) -> OperatorOrders:
        """The orders of a shard that were placed on a day, newest first, after the one with this cursor."""
        criteria = {"day": day, "limit": limit} | ({"cursor": cursor} if cursor else {})
        return await self._service.get(f"{_shard(shard)}/orders?{urlencode(criteria)}", OperatorOrders)

    async def sold(
        self, shard: str, day: str, *, limit: int | None = None, skus: Sequence[str] = ()
    ) -> list[Sold]:
        """The products that were ordered most at a shard on a day, or up to 100 of these."""
        criteria = {"day": day, "sku": skus} | ({"limit": limit} if limit else {})
        target = f"{_shard(shard)}/products?{urlencode(criteria, doseq=True)}"
        return (await self._service.get(target, Items[Sold])).items

    async def of_customer(self, owner: str, limit: int) -> OperatorOrders:
        """A customer's orders, newest first."""
        path = f"/customers/{quote(owner, safe='')}/orders?limit={limit}"
        return await self._service.get(path, OperatorOrders)


class Users(Client):
    """Who the customers are."""

    async def with_email(self, email: str) -> list[User]:
        """The users with this mail address."""
        return (await self._service.get(f"/users?{urlencode({'email': email})}", Items[User])).items


class Sales(Client):
    """The figures of all orders."""

    async def report(self, days: int) -> SalesReport:
        """The figures of the last days."""
        return await self._service.get(f"/report?days={days}", SalesReport)


def _shard(name: str) -> str:
    return f"/shards/{quote(name, safe='')}"
