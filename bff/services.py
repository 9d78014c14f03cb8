"""Typed clients of the shop's services, and how an app opens them.

What is asked of many articles is written for one: the loads of a page leave as one call, of up to the 100
articles that a service tells of at a time.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from typing import Any, Self, TypeVar
from urllib.parse import quote, urlencode

from bff.discounts import Discounts
from bff.shapes import (
    Basket,
    Batch,
    Counted,
    Found,
    Kinds,
    Order,
    OrderList,
    Product,
    Rating,
    Ratings,
    ReviewList,
    Stock,
    Stocks,
)
from gateway.page import Inbound, Provider, loader
from gateway.upstream import Context, Service, Unreachable, open_upstream
from kit.pb.discount_pb2_grpc import DiscountsStub
from kit.rpc import open_channel
from kit.settings import Directory
from kit.tokens import Identity, Signer, Verifier

Known = TypeVar("Known")


def known(asked: Iterable[Known | None]) -> list[Known]:
    """Those that there are, of what was asked for."""
    return [one for one in asked if one is not None]


def _batch(path: str, skus: Sequence[str]) -> str:
    return f"{path}?{urlencode({'sku': skus}, doseq=True)}"


def _basket(owner: str) -> str:
    return f"/baskets/{quote(owner, safe='')}"


def _basket_item(owner: str, sku: str) -> str:
    return f"{_basket(owner)}/items/{quote(sku, safe='')}"


class Catalog:
    """The articles."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def the_product(self, sku: str) -> Product:
        """The one article that a page is about: a call of its own, whose refusal is the catalogue's."""
        return await self._service.get(f"/products/{quote(sku, safe='')}", Product)

    @loader(max_size=100)
    async def product(self, skus: Sequence[str]) -> Mapping[str, Product | None]:
        """One article among others; None when the catalogue has it not."""
        batch = await self._service.get(_batch("/products", skus), Batch)
        return dict.fromkeys(skus) | {product.sku: product for product in batch.items}

    async def search(self, **criteria: Any) -> Found:
        """Articles by `q`, `brand`, `type`, `min_price`, `max_price`, `sort`, `cursor` and `limit`."""
        given = {name: value for name, value in criteria.items() if value not in (None, [], "")}
        return await self._service.get("/products?" + urlencode(given, doseq=True), Found)

    async def types(self) -> list[Counted]:
        """Every type of article."""
        return (await self._service.get("/types", Kinds)).items


class Inventory:
    """The stock."""

    def __init__(self, service: Service) -> None:
        self._service = service

    @loader(max_size=100)
    async def stock(self, skus: Sequence[str]) -> Mapping[str, Stock]:
        """The stock of an article; there is none of what inventory never had."""
        batch = await self._service.get(_batch("/stock", skus), Stocks)
        return {sku: Stock(sku, 0) for sku in skus} | {stock.sku: stock for stock in batch.items}


class Reviews:
    """The readers' opinions."""

    def __init__(self, service: Service) -> None:
        self._service = service

    @loader(max_size=100)
    async def rating(self, skus: Sequence[str]) -> Mapping[str, Rating]:
        """The rating of an article; what nobody has reviewed has none."""
        batch = await self._service.get(_batch("/summaries", skus), Ratings)
        return {sku: Rating(sku) for sku in skus} | {rating.sku: rating for rating in batch.items}

    async def latest(self, sku: str, limit: int) -> ReviewList:
        """The newest reviews of an article."""
        return await self._service.get("/reviews?" + urlencode({"sku": sku, "limit": limit}), ReviewList)


class Baskets:
    """The baskets."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def basket(self, owner: str) -> Basket:
        """Somebody's basket."""
        return await self._service.get(_basket(owner), Basket)

    async def put(self, owner: str, sku: str, quantity: int) -> Basket:
        """Set the quantity of an article; returns the basket after it."""
        return await self._service.send("PUT", _basket_item(owner, sku), Basket, body={"quantity": quantity})

    async def remove(self, owner: str, sku: str) -> Basket:
        """Take an article out; returns the basket after it."""
        return await self._service.send("DELETE", _basket_item(owner, sku), Basket)


class Orders:
    """The caller's orders."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def place(self, coupon: str | None, idempotency_key: str) -> Order:
        """Order what is in the caller's basket; the same key orders once."""
        key = ((b"idempotency-key", idempotency_key.encode("latin-1")),)
        body = {"coupon": coupon} if coupon else {}
        return await self._service.send("POST", "/orders", Order, body=body, headers=key)

    async def page(self, cursor: str | None, limit: int) -> OrderList:
        """The caller's orders, newest first."""
        criteria = {"limit": limit} | ({"cursor": cursor} if cursor else {})
        return await self._service.get("/orders?" + urlencode(criteria), OrderList)

    async def order(self, order_id: str) -> Order:
        """One order."""
        return await self._service.get(f"/orders/{quote(order_id, safe='')}", Order)


SPEAKING_HTTP: Mapping[Callable[[Service], Any], str] = {
    Catalog: "catalog",
    Inventory: "inventory",
    Reviews: "reviews",
    Baskets: "basket",
    Orders: "ordering",
}
"""The clients that are reached over HTTP, and the names of their services."""


class Services:
    """Every service that the BFFs use: opened with `async with`, then provided to pages for each request.

    Args:
        directory: where they are.
        callers: tells on whose behalf a page is asked for.
        signer: tells services on whose behalf they are.
    """

    def __init__(self, directory: Directory, callers: Verifier, signer: Signer) -> None:
        self._upstreams = {
            client: open_upstream(name, f"registry://{name}", directory)
            for client, name in SPEAKING_HTTP.items()
        }
        self._discount = directory.address("discount-grpc")
        self._callers = callers
        self._signer = signer
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        for upstream in self._upstreams.values():
            await self._stack.enter_async_context(upstream)
        self._channel = await self._stack.enter_async_context(open_channel(self._discount))
        self._stub = DiscountsStub(self._channel)
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._stack.aclose()

    def providers(self) -> dict[Any, Provider]:
        """How pages get each client, bound to their request, and their caller's identity."""
        over_http = {client: self._provider(client) for client in SPEAKING_HTTP}
        return {
            **over_http,
            Orders: self._orders,
            Discounts: self._discounts,
            Identity: self._identity,
        }

    async def ready(self) -> None:
        """Return when every service is ready.

        Raises:
            UpstreamError: some service gives no answer, or says that it is not ready.
            TimeoutError: there is no connection to the discount service.
        """
        async with asyncio.timeout(2):
            await self._channel.channel_ready()
        answers = await asyncio.gather(*(upstream.is_ready() for upstream in self._upstreams.values()))
        if not all(answers):
            raise Unreachable("a service behind is not ready")

    def _provider(self, client: Callable[[Service], Any]) -> Provider:
        upstream = self._upstreams[client]
        return lambda inbound: client(upstream.within(self._on_behalf(inbound)))

    def _orders(self, inbound: Inbound) -> Orders:
        self._identity(inbound)  # orders are somebody's: without a true token nobody is asked for them
        return Orders(self._upstreams[Orders].within(self._on_behalf(inbound)))

    def _discounts(self, inbound: Inbound) -> Discounts:
        return Discounts(self._stub, self._on_behalf(inbound))

    def _identity(self, inbound: Inbound) -> Identity:
        return self._callers.caller(inbound.header("authorization"))

    def _on_behalf(self, inbound: Inbound) -> Context:
        """Calls to services are made on behalf of the page's caller, of nobody when it names none."""
        if inbound.header("authorization") is None:
            return inbound.context
        identity = self._identity(inbound)
        return replace(inbound.context, authorization=partial(self._signer.authorization, identity))
