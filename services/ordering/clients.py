"""Clients of the services that placing an order calls: basket, catalog, discount, pickup, shipping.

Each reads only the fields that ordering uses (a tolerant reader).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Final
from urllib.parse import quote, urlencode

import msgspec
from msgspec import Meta

from frontispiece.http import TYPE_PREFIX, Problem
from frontispiece.upstream import InvalidResponse, UpstreamClientError
from services.ordering.calls import PASSED_ON, Calls
from services.ordering.domain_events import Pickup
from services.ordering.model import Article, Item
from shop.fields import Amount, Currency
from shop.money import Money
from shop.pb import discount_pb2

NOT_REDEEMABLE: Final = {
    f"{TYPE_PREFIX}{kind}": kind
    for kind in ("coupon-unknown", "coupon-used", "coupon-exhausted", "order-has-coupon")
}


class _Price(msgspec.Struct):
    amount: Amount
    currency: Currency


class _Named(msgspec.Struct):
    id: str


class _Product(msgspec.Struct):
    sku: str
    name: str
    price: _Price
    type: _Named
    brand: _Named


class _Products(msgspec.Struct):
    items: list[_Product]


class _ClaimedLine(msgspec.Struct):
    sku: str
    quantity: Annotated[int, Meta(ge=1)]


class _Claim(msgspec.Struct):
    lines: Annotated[list[_ClaimedLine], Meta(min_length=1)]


class _Quote(msgspec.Struct):
    method: str
    amount: Amount
    currency: Currency


@dataclass(frozen=True, slots=True)
class _Client:
    _calls: Calls


class Catalog(_Client):
    """The catalogue of products."""

    async def articles(self, skus: Sequence[str]) -> dict[str, Article]:
        """The articles that are sold, by SKU, in one call."""
        query = urlencode([("sku", sku) for sku in skus])
        async with self._calls.call() as service:
            products = await service.get(f"/products?{query}", _Products)
        return {
            found.sku: Article(
                sku=found.sku,
                name=found.name,
                price=Money(amount=found.price.amount, currency=found.price.currency),
                type=found.type.id,
                brand=found.brand.id,
            )
            for found in products.items
        }


class Baskets(_Client):
    """The baskets of users."""

    async def claim(self, owner: str, order_id: str, version: int) -> list[Item]:
        """Take all items out of a user's basket for an order; the same items when it is repeated.

        Raises:
            Problem: 409 `basket-changed` when the basket has another version, 422 `basket-empty`.
        """
        async with self._calls.call(passed_on=PASSED_ON | {409, 422}) as service:
            claim = await service.send("PUT", _claim(owner, order_id), _Claim, body={"version": version})
        return [Item(sku=line.sku, quantity=line.quantity) for line in claim.lines]

    async def release(self, owner: str, order_id: str) -> None:
        """Give a claim back to the basket; repeating it is harmless."""
        async with self._calls.call() as service:
            await service.send("DELETE", _claim(owner, order_id), msgspec.Raw)


@dataclass(frozen=True, kw_only=True, slots=True)
class Discount:
    """A percentage off an article, and the coupon that it takes (empty for none)."""

    percent: int
    coupon: str


class Discounts(_Client):
    """Price rules and coupons."""

    async def best(self, skus: Sequence[str], coupon: str) -> dict[str, Discount]:
        """The best discount of each article that has one, in one call; `coupon` is empty for none."""
        request = discount_pb2.ListDiscountsRequest(skus=skus, coupon=coupon)
        async with self._calls.call() as stub:
            response = await stub.call("ListDiscounts", request)
            if any(rule.percent > 100 for rule in response.discounts.values()):  # noqa: PLR2004 (all of it)
                raise InvalidResponse("more than 100 percent off")
        return {
            sku: Discount(percent=rule.percent, coupon=rule.coupon)
            for sku, rule in response.discounts.items()
        }

    async def redeem(self, coupon: str, order_id: str) -> None:
        """Use the caller's coupon for an order; repeating it is harmless.

        Raises:
            Problem: 422 `coupon-used`, `coupon-exhausted`, `order-has-coupon` or `coupon-unknown`.
        """
        request = discount_pb2.RedeemRequest(coupon=coupon, order_id=order_id)
        async with self._calls.call() as stub:
            try:
                await stub.call("Redeem", request)
            except UpstreamClientError as refusal:
                if refusal.type is None or (kind := _kind(refusal.type)) is None:
                    raise
                raise Problem(422, kind, refusal.detail, service="discount") from refusal


class Shipping(_Client):
    """Delivery, and what it costs."""

    async def quote(self, country: str, pieces: int, method: str) -> Money | None:
        """The price of a delivery; None when there is no such method to this country.

        Raises:
            Problem: 422 `country-not-served`.
        """
        query = urlencode({"country": country, "pieces": pieces})
        async with self._calls.call(passed_on=PASSED_ON | {422}) as service:
            quotes = await service.get(f"/quotes?{query}", list[_Quote])
        prices = (
            Money(amount=each.amount, currency=each.currency) for each in quotes if each.method == method
        )
        return next(prices, None)


class Pickups(_Client):
    """The stores where customers pick orders up."""

    async def offer(self, store: str) -> Pickup:
        """The pickup of an order of now at a store.

        Raises:
            Problem: 422 `store-unknown`.
        """
        async with self._calls.call() as service:
            try:
                offer: Pickup = await service.get(f"/stores/{quote(store, safe='')}/pickup", Pickup)
            except UpstreamClientError as refusal:
                if refusal.upstream_status != HTTPStatus.NOT_FOUND:
                    raise
                raise Problem(422, "store-unknown", "There is no such store.") from refusal
        return offer


@dataclass(frozen=True, kw_only=True, slots=True)
class Clients:
    """The clients of one request."""

    catalog: Catalog
    baskets: Baskets
    discounts: Discounts
    shipping: Shipping
    pickup: Pickups


def _claim(owner: str, order_id: str) -> str:
    return f"/baskets/{quote(owner, safe='')}/claims/{quote(order_id, safe='')}"


def _kind(problem_type: str) -> str | None:
    return NOT_REDEEMABLE.get(problem_type) or (
        problem_type if problem_type in NOT_REDEEMABLE.values() else None
    )
