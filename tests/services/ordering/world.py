"""The services around ordering, as far as it can see: HTTP ones behind respx, discounts behind real gRPC."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
import httpx

from frontispiece.http.problems import MEDIA_TYPE, Problem
from services.ordering.shards import Shards
from shop.pb import discount_pb2
from tests.conftest import MakeToken

Trouble = Callable[[], Awaitable[httpx.Response | None]]
"""What happens before a call is carried out; an answer or an exception takes its place."""


def problem(status: int, kind: str, **members: Any) -> httpx.Response:
    fault = Problem(status, kind, **members)
    return httpx.Response(status, content=fault.body(), headers={**fault.headers, "Content-Type": MEDIA_TYPE})


def answers(answer: httpx.Response) -> Trouble:
    async def trouble() -> httpx.Response | None:
        return answer

    return trouble


def raises(fault: Exception) -> Trouble:
    async def trouble() -> httpx.Response | None:
        raise fault

    return trouble


def refusal(answer: httpx.Response) -> tuple[int, str, str | None]:
    """The status of a problem, its kind, and the service that it names."""
    assert answer.headers["content-type"] == "application/problem+json"
    kind = answer.json()["type"].removeprefix("urn:frontispiece:problem:")
    return answer.status_code, kind, answer.json().get("service")


async def hangs() -> None:
    await asyncio.Event().wait()


@dataclass
class Discounts:
    """Rules by sku; a rule with a coupon counts only for who gives it, in whichever case."""

    rules: dict[str, discount_pb2.Discount] = field(default_factory=dict)
    trouble: Callable[[], Awaitable[None]] | None = None
    code: grpc.StatusCode | None = None
    """With which the next call is refused."""
    refused_coupons: dict[str, str] = field(default_factory=dict)
    """The type of problem with which a coupon cannot be redeemed."""
    metadata: list[dict[str, str]] = field(default_factory=list)
    asked: list[list[str]] = field(default_factory=list)
    redeemed: list[tuple[str, str]] = field(default_factory=list)
    """Coupons, and the orders that they were used for."""

    async def ListDiscounts(  # noqa: N802  # gRPC's name
        self, request: discount_pb2.ListDiscountsRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> discount_pb2.ListDiscountsResponse:
        self.metadata.append({key: str(value) for key, value in context.invocation_metadata() or ()})
        self.asked.append(list(request.skus))
        await self._fail(context)
        found = {
            sku: rule
            for sku, rule in self.rules.items()
            if sku in request.skus and rule.coupon in {"", request.coupon.upper()}
        }
        return discount_pb2.ListDiscountsResponse(discounts=found)

    async def Redeem(  # noqa: N802  # gRPC's name
        self, request: discount_pb2.RedeemRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> discount_pb2.RedeemResponse:
        if kind := self.refused_coupons.get(request.coupon.upper()):
            await context.abort(grpc.StatusCode.ABORTED, "told so by the test", (("problem-type", kind),))
        self.redeemed.append((request.coupon.upper(), request.order_id))
        return discount_pb2.RedeemResponse()

    async def _fail(self, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        code, self.code = self.code, None
        if code is not None:
            await context.abort(code, "told so by the test")
        if self.trouble is not None:
            await self.trouble()


ADDRESS = {
    "name": "R. Reader",
    "street": "Inkwell Lane 3",
    "postal_code": "04109",
    "city": "Leipzig",
    "country": "DE",
}

STORE = {
    "store": "7",
    "name": "Frontispiece Leipzig 1",
    "street": "Station Road 7",
    "postal_code": "10007",
    "city": "Leipzig",
    "country": "DE",
    "ready_at": "2026-11-30T16:00:00+01:00",
}


@dataclass
class Shop:
    """Ordering, and around it a basket, a catalog and shipping, with what is in them in plain sight.

    `trouble[step]` happens once, before the step; `lost` names the steps that are carried out once although
    their answer never arrives. The steps: claim, release, catalog, quote, offer.
    """

    http: httpx.AsyncClient
    """Ordering's API."""
    bearer: MakeToken
    discounts: Discounts
    basket: dict[str, int] = field(default_factory=dict)
    version: int = 7
    """Of the basket."""
    claims: dict[str, dict[str, int]] = field(default_factory=dict)
    """Lines that have left the basket, by order."""
    products: dict[str, dict[str, Any]] = field(default_factory=dict)
    trouble: dict[str, Trouble] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    calls: list[tuple[str, httpx.Request]] = field(default_factory=list)
    shards: Shards | None = None
    """Ordering's own."""
    unready: set[str] = field(default_factory=set)
    """Hosts of services that are not ready."""

    @property
    def headers(self) -> dict[str, str]:
        """Of a customer who orders."""
        return {**self.bearer("reader", "shop"), "Idempotency-Key": "an-intent"}

    def body(self, total: int = 1666 + 490, **changes: object) -> dict[str, object]:
        """A request for the basket as it is at first."""
        return {
            "basket_version": 7,
            "total": {"amount": total, "currency": "EUR"},
            "shipping": {"method": "standard", "address": ADDRESS},
            "payment_token": "tok_1",
            **changes,
        }

    async def place(
        self, headers: dict[str, str] | None = None, total: int = 1666 + 490, **changes: object
    ) -> httpx.Response:
        return await self.http.post(
            "/orders",
            json=self.body(total, **changes),
            headers=self.headers if headers is None else headers,
        )

    async def statuses(self) -> list[str]:
        """Of the customer's orders."""
        orders = (await self.http.get("/orders", headers=self.headers)).json()
        return [order["status"] for order in orders["items"]]

    async def a_retry_makes_one_order(self) -> None:
        """Placing the order again succeeds: there is one, and it has the basket's lines."""
        answer = await self.place()
        assert (answer.status_code, answer.json()["status"]) == (202, "pending")
        assert answer.json()["total"]["amount"] == 1666 + 490
        mine = {**self.headers, "Min-Position": answer.headers["position"]}
        orders = (await self.http.get("/orders", headers=mine)).json()["items"]
        assert [order["id"] for order in orders] == [answer.json()["id"]]
        assert self.basket == {}
        assert self.claims == {answer.json()["id"]: {"PEN": 2, "INK": 1}}

    def sells(self, sku: str, amount: int, *, currency: str = "EUR") -> None:
        price = {"amount": amount, "currency": currency}
        self.products[sku] = {
            "sku": sku,
            "name": f"Fine {sku}",
            "price": price,
            "type": {"id": "t"},
            "brand": {"id": "b"},
        }

    def takes_off(self, sku: str, percent: int, coupon: str = "") -> None:
        self.discounts.rules[sku] = discount_pb2.Discount(id="d", sku=sku, percent=percent, coupon=coupon)

    async def answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.host == "gone.test":
            raise httpx.ConnectError("refused")
        if request.url.path == "/health/ready":
            return httpx.Response(503 if request.url.host in self.unready else 200)
        step = _step(request)
        self.calls.append((step, request))
        if (trouble := self.trouble.pop(step, None)) and (answer := await trouble()):
            return answer
        done: httpx.Response = getattr(self, f"_{step}")(request)
        if step in self.lost:
            self.lost.remove(step)
            raise httpx.ReadError("The answer was lost.")
        return done

    def _claim(self, request: httpx.Request) -> httpx.Response:
        order_id = request.url.path.rsplit("/", 1)[1]
        if order_id not in self.claims:
            if json.loads(request.content)["version"] != self.version:
                return problem(409, "basket-changed", version=self.version)
            if not self.basket:
                return problem(422, "basket-empty")
            self.claims[order_id], self.basket = self.basket, {}
        lines = [{"sku": sku, "quantity": quantity} for sku, quantity in self.claims[order_id].items()]
        return httpx.Response(200, json={"order_id": order_id, "lines": lines})

    def _release(self, request: httpx.Request) -> httpx.Response:
        self.basket |= self.claims.pop(request.url.path.rsplit("/", 1)[1], {})
        return httpx.Response(200, json={"owner": "reader", "version": self.version, "items": []})

    def _catalog(self, request: httpx.Request) -> httpx.Response:
        asked = request.url.params.get_list("sku")
        items = [self.products[sku] for sku in asked if sku in self.products]
        unknown = [sku for sku in asked if sku not in self.products]
        return httpx.Response(200, json={"items": items, "unknown": unknown})

    def _offer(self, request: httpx.Request) -> httpx.Response:
        store = request.url.path.split("/")[2]
        return httpx.Response(200, json=STORE) if store == STORE["store"] else problem(404, "store-unknown")

    def _quote(self, request: httpx.Request) -> httpx.Response:
        if request.url.params["country"] == "AQ":
            return problem(422, "country-not-served", country="AQ")
        standard = {"method": "standard", "amount": 490, "currency": "EUR", "days": 3}
        return httpx.Response(200, json=[standard, {**standard, "method": "express", "amount": 990}])


def _step(request: httpx.Request) -> str:
    if request.url.host == "catalog.test":
        return "catalog"
    if request.url.host == "pickup.test":
        return "offer"
    if request.url.host == "shipping.test":
        return "quote"
    return "claim" if request.method == "PUT" else "release"
