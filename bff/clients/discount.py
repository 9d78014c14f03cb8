"""The client of discount, which speaks gRPC."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct

from frontispiece.pages import loader
from frontispiece.upstream import GrpcStub, InvalidResponse
from shop.pb.discount_pb2 import ListDiscountsRequest, ListDiscountsResponse


class Discount(Struct, frozen=True):
    """A percentage off a product's price, and why."""

    percent: int
    description: str


class BestDiscount(Discount, frozen=True):
    """The best discount for a customer, and the coupon that it takes: empty for none."""

    coupon: str


class BestDiscounts(NamedTuple):
    """The best discount of each product that has one, and the problem of a coupon that does not count."""

    discounts: dict[str, BestDiscount]
    coupon_problem: str = ""


PERCENT = range(1, 101)
"""Percentages that a discount may have."""


class Discounts:
    """The price rules."""

    def __init__(self, service: GrpcStub) -> None:
        self._service = service

    @loader(max_size=100)
    async def load_discount(self, skus: Sequence[str]) -> Mapping[str, Discount | None]:
        """The best discount on a product that needs no coupon; None without one."""
        found = (await self.best(skus)).discounts
        plain = {sku: Discount(each.percent, each.description) for sku, each in found.items()}
        return dict.fromkeys(skus) | plain

    async def best(self, skus: Sequence[str], *, coupon: str = "") -> BestDiscounts:
        """The best discounts of up to 100 products, with a coupon that the caller may use."""
        request = ListDiscountsRequest(skus=skus, coupon=coupon, coupon_must_be_usable=bool(coupon))
        response: ListDiscountsResponse = await self._service.call("ListDiscounts", request)
        discounts = {
            sku: BestDiscount(found.percent, found.description, found.coupon)
            for sku, found in response.discounts.items()
        }
        if any(discount.percent not in PERCENT for discount in discounts.values()):
            raise InvalidResponse("its answer has a discount that cannot be")
        return BestDiscounts(discounts, response.coupon_problem)
