"""The services around ordering, as far as it can see: HTTP ones behind respx, discounts behind real gRPC."""

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
import httpx

from kit.pb import discount_pb2, discount_pb2_grpc
from kit.problems import MEDIA_TYPE, Problem

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


async def hangs() -> None:
    await asyncio.Event().wait()


@dataclass
class Reservation:
    id: str
    request: bytes
    lines: list[dict[str, Any]]
    status: str = "held"


@dataclass
class Discounts(discount_pb2_grpc.DiscountsServicer):
    """Rules by sku; a rule with a coupon counts only for who gives it, in whichever case."""

    rules: dict[str, discount_pb2.Discount] = field(default_factory=dict)
    trouble: Callable[[], Awaitable[None]] | None = None
    code: grpc.StatusCode | None = None
    metadata: list[dict[str, str]] = field(default_factory=list)
    asked: list[list[str]] = field(default_factory=list)

    async def ListDiscounts(  # noqa: N802  # gRPC's name
        self, request: discount_pb2.ListDiscountsRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> discount_pb2.ListDiscountsResponse:
        self.metadata.append({key: str(value) for key, value in context.invocation_metadata() or ()})
        self.asked.append(list(request.skus))
        code, self.code = self.code, None
        if code is not None:
            await context.abort(code, "told so by the test")
        if self.trouble is not None:
            await self.trouble()
        found = {
            sku: rule
            for sku, rule in self.rules.items()
            if sku in request.skus and rule.coupon in {"", request.coupon.upper()}
        }
        return discount_pb2.ListDiscountsResponse(discounts=found)


@dataclass
class Shop:
    """A basket, a catalog and an inventory, with what is in them in plain sight.

    `trouble[step]` happens once, before the step; `lost` names the steps that are carried out once although
    their answer never arrives. The steps: basket, catalog, reserve, commit, clear, remove.
    """

    discounts: Discounts
    basket: dict[str, int] = field(default_factory=dict)
    products: dict[str, dict[str, Any]] = field(default_factory=dict)
    stock: dict[str, int] = field(default_factory=dict)
    reservations: dict[str, Reservation] = field(default_factory=dict)
    trouble: dict[str, Trouble] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    calls: list[tuple[str, httpx.Request]] = field(default_factory=list)

    def sells(self, sku: str, amount: int, *, stock: int = 10, currency: str = "EUR") -> None:
        price = {"amount": amount, "currency": currency}
        self.products[sku] = {"sku": sku, "name": f"Fine {sku}", "price": price, "brand": {"id": "b"}}
        self.stock[sku] = stock

    def takes_off(self, sku: str, percent: int, coupon: str = "") -> None:
        self.discounts.rules[sku] = discount_pb2.Discount(id="d", sku=sku, percent=percent, coupon=coupon)

    @property
    def sold(self) -> dict[str, int]:
        """Pieces that have left the shelf, by sku."""
        pieces: dict[str, int] = {}
        for held in self.reservations.values():
            for line in held.lines if held.status == "committed" else ():
                pieces[line["sku"]] = pieces.get(line["sku"], 0) + line["quantity"]
        return pieces

    def expire(self) -> None:
        for held in self.reservations.values():
            if held.status == "held":
                held.status = "expired"

    async def answer(self, request: httpx.Request) -> httpx.Response:
        step = _step(request)
        self.calls.append((step, request))
        if (trouble := self.trouble.pop(step, None)) and (answer := await trouble()):
            return answer
        done: httpx.Response = getattr(self, f"_{step}")(request)
        if step in self.lost:
            self.lost.remove(step)
            raise httpx.ReadError("The answer was lost.")
        return done

    def _basket(self, request: httpx.Request) -> httpx.Response:
        items = [{"sku": sku, "quantity": quantity} for sku, quantity in self.basket.items()]
        return httpx.Response(200, json={"owner": request.url.path.split("/")[2], "items": items})

    def _clear(self, _request: httpx.Request) -> httpx.Response:
        self.basket.clear()
        return httpx.Response(204)

    def _remove(self, request: httpx.Request) -> httpx.Response:
        del self.basket[request.url.path.rsplit("/", 1)[1]]
        return httpx.Response(200, json={"items": []})

    def _catalog(self, request: httpx.Request) -> httpx.Response:
        asked = request.url.params.get_list("sku")
        items = [self.products[sku] for sku in asked if sku in self.products]
        unknown = [sku for sku in asked if sku not in self.products]
        return httpx.Response(200, json={"items": items, "unknown": unknown})

    def _reserve(self, request: httpx.Request) -> httpx.Response:
        key = request.headers["idempotency-key"]
        held = self.reservations.get(key)
        if held is None:
            lines = json.loads(request.content)["lines"]
            short = [
                {"sku": line["sku"], "wanted": line["quantity"], "available": self.stock[line["sku"]]}
                for line in lines
                if self.stock[line["sku"]] < line["quantity"]
            ]
            if short:
                return problem(409, "out-of-stock", lines=short)
            held = Reservation(id=str(uuid.uuid4()), request=request.content, lines=lines)
            self.reservations[key] = held
        if held.request != request.content:
            return problem(422, "idempotency-key-reused")
        return httpx.Response(201, json={"id": held.id, "status": held.status, "lines": held.lines})

    def _commit(self, request: httpx.Request) -> httpx.Response:
        wanted = request.url.path.split("/")[2]
        held = next(held for held in self.reservations.values() if held.id == wanted)
        if held.status == "expired":
            return problem(410, "reservation-expired")
        if held.status == "held":
            held.status = "committed"
            for line in held.lines:
                self.stock[line["sku"]] -= line["quantity"]
        return httpx.Response(200, json={"id": held.id, "status": held.status})


def _step(request: httpx.Request) -> str:
    if request.url.host == "catalog.test":
        return "catalog"
    if request.url.host == "inventory.test":
        return "commit" if request.url.path.endswith("/commit") else "reserve"
    if request.method == "GET":
        return "basket"
    return "remove" if "/items/" in request.url.path else "clear"
