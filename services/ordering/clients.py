"""How ordering reaches the services that it needs: a basket, a catalog, an inventory, discounts.

Each client reads only the fields that ordering uses and leaves the rest to change freely.
What becomes of failures is told in `upstream.py`.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

import grpc
import httpx
import msgspec
from msgspec import Meta

from kit import over_httpx
from kit.money import MAX_AMOUNT, Money
from kit.pb import discount_pb2, discount_pb2_grpc
from kit.problems import TYPE_PREFIX
from kit.rpc import open_channel
from kit.settings import Directory
from kit.tokens import Signer
from services.ordering.model import Article, Item
from services.ordering.upstream import Carried, Http, failed, of_rpc

OUT_OF_STOCK: Final = f"{TYPE_PREFIX}out-of-stock"
WHOLE: Final = 100
ENDED: Final = frozenset({404, 409, 410})
"""What inventory says of a reservation that is not held any more."""


class _Price(msgspec.Struct):
    amount: Annotated[int, Meta(ge=0, le=MAX_AMOUNT)]
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")]


class _Product(msgspec.Struct):
    sku: str
    name: str
    price: _Price


class _Products(msgspec.Struct):
    items: list[_Product]


class _BasketItem(msgspec.Struct):
    sku: str
    quantity: Annotated[int, Meta(ge=1)]


class _Basket(msgspec.Struct):
    items: list[_BasketItem]


class _Reservation(msgspec.Struct):
    id: Annotated[str, Meta(min_length=1, max_length=64)]


class _Sold(msgspec.Struct):
    status: Literal["committed"]


class _Shortage(msgspec.Struct):
    sku: str
    wanted: int
    available: int


class _Shortages(msgspec.Struct):
    lines: list[_Shortage]


class OutOfStock(Exception):
    """Inventory set nothing aside, because it has too little; `lines` says of what, as inventory put it."""

    def __init__(self, lines: list[dict[str, Any]]) -> None:
        super().__init__("There is not enough of everything.")
        self.lines = lines


class Catalog:
    """What is sold."""

    def __init__(self, http: Http) -> None:
        self._http = http

    async def articles(self, skus: Sequence[str], carried: Carried) -> dict[str, Article]:
        """Those of these articles that are sold, in one call."""
        answer = await self._http.call("GET", "/products", carried, params={"sku": list(skus)})
        return {
            found.sku: Article(
                sku=found.sku,
                name=found.name,
                price=Money(amount=found.price.amount, currency=found.price.currency),
            )
            for found in self._http.read(answer, _Products).items
        }


class Baskets:
    """What users mean to buy."""

    def __init__(self, http: Http) -> None:
        self._http = http

    async def items(self, owner: str, carried: Carried) -> list[Item]:
        """What lies in a user's basket; nothing when there is none."""
        answer = await self._http.call("GET", _basket(owner), carried)
        return [Item(sku=i.sku, quantity=i.quantity) for i in self._http.read(answer, _Basket).items]

    async def clear(self, owner: str, carried: Carried) -> None:
        """Take everything out."""
        self._done(await self._http.call("DELETE", _basket(owner), carried))

    async def remove(self, owner: str, sku: str, carried: Carried) -> None:
        """Take one article out."""
        self._done(await self._http.call("DELETE", f"{_basket(owner)}/items/{quote(sku, safe='')}", carried))

    def _done(self, answer: httpx.Response) -> None:
        if not answer.is_success:
            raise self._http.failed(answer.status_code)


class Inventory:
    """What is on the shelf."""

    def __init__(self, http: Http) -> None:
        self._http = http

    async def reserve(self, key: str, items: Sequence[Item], lasts: int, carried: Carried) -> str:
        """Set pieces aside for so many seconds, all or none: the reservation's id, the same for the same key.

        Raises:
            OutOfStock: there is too little of something.
        """
        wanted = {
            "lines": [{"sku": item.sku, "quantity": item.quantity} for item in items],
            "lasts_seconds": lasts,
        }
        answer = await self._http.call(
            "POST", "/reservations", carried, headers={"Idempotency-Key": key}, json=wanted
        )
        if answer.status_code == httpx.codes.CONFLICT:
            refusal = self._http.refused(answer)
            if refusal.type == OUT_OF_STOCK:
                raise OutOfStock(msgspec.to_builtins(self._http.decode(answer, _Shortages).lines))
            raise refusal
        return self._http.read(answer, _Reservation).id

    async def commit(self, reservation_id: str, carried: Carried) -> bool:
        """Sell what was set aside; repeating it is harmless. False when it is not set aside any more."""
        path = f"/reservations/{quote(reservation_id, safe='')}/commit"
        answer = await self._http.call("POST", path, carried)
        if answer.status_code in ENDED:
            return False
        self._http.read(answer, _Sold)
        return True


@dataclass(frozen=True, kw_only=True, slots=True)
class Discount:
    """So many percent off an article, and the coupon that it takes (empty for none)."""

    percent: int
    coupon: str


class Discounts:
    """Who gets how much off."""

    def __init__(self, channel: grpc.aio.Channel, timeout: float, signer: Signer) -> None:
        self._stub = discount_pb2_grpc.DiscountsStub(channel)
        self._timeout = timeout
        self._signer = signer

    async def best(self, skus: Sequence[str], coupon: str, carried: Carried) -> dict[str, Discount]:
        """The best discount of each article that has one, in one call; `coupon` is empty for none."""
        asked = discount_pb2.ListDiscountsRequest(skus=skus, coupon=coupon)
        metadata = tuple(carried.headers(self._signer, "discount").items())
        try:
            answer = await self._stub.ListDiscounts(asked, timeout=self._timeout, metadata=metadata)
        except grpc.aio.AioRpcError as fault:
            raise of_rpc("discount", fault) from fault
        best = {
            sku: Discount(percent=rule.percent, coupon=rule.coupon) for sku, rule in answer.discounts.items()
        }
        if any(discount.percent > WHOLE for discount in best.values()):
            raise failed("discount", "more than 100 percent off")
        return best


@dataclass(frozen=True, kw_only=True, slots=True)
class Clients:
    """All that ordering reaches."""

    catalog: Catalog
    basket: Baskets
    inventory: Inventory
    discounts: Discounts


@asynccontextmanager
async def connect(directory: Directory, patience: float, signer: Signer) -> AsyncIterator[Clients]:
    """The services at their addresses, each call to one of them given up after `patience` seconds.

    Args:
        directory: where they are.
        patience: seconds.
        signer: tells them on whose behalf they are called.

    Raises:
        LookupError: the directory lacks an address.
    """
    channel = open_channel(directory.address("discount-grpc"))
    sends = over_httpx.transport()
    async with httpx.AsyncClient(timeout=patience, trust_env=False, transport=sends) as client, channel:

        def http(name: str) -> Http:
            return Http(name, directory.address(name), client, patience, signer)

        yield Clients(
            catalog=Catalog(http("catalog")),
            basket=Baskets(http("basket")),
            inventory=Inventory(http("inventory")),
            discounts=Discounts(channel, patience, signer),
        )


def _basket(owner: str) -> str:
    return f"/baskets/{quote(owner, safe='')}"
