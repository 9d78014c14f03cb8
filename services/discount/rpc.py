"""Discount over gRPC: parse, call, respond."""
# ruff: noqa: N802 (the calls are named as in discount.proto)

from collections.abc import Mapping, Sequence
from typing import Any, Final

import grpc

from frontispiece.http import Problem
from frontispiece.security import Verifier
from frontispiece.service import Intent, RpcInterceptor, rpc_caller
from services.discount.model import (
    NO_COUPON,
    Coupon,
    CouponExhausted,
    CouponUnknown,
    CouponUsed,
    Discount,
    DiscountNotFound,
    OrderHasCoupon,
    Terms,
    VersionOutdated,
    is_sku,
    normalize_coupon,
    valid_coupon,
)
from services.discount.store import Store
from shop.pb import discount_pb2 as pb
from shop.pb.services import DISCOUNTS, create_server

MAX_SKUS = 100
KEY_LENGTHS = range(8, 201)
ORDER_ID_LENGTHS = range(1, 65)

PUBLIC: Final = frozenset({"GetDiscount", "ListDiscounts"})
"""The methods that need no token."""

SCOPES: Final = {
    "CreateDiscount": "discount:write",
    "UpdateDiscount": "discount:write",
    "DeleteDiscount": "discount:write",
    "PutCoupon": "discount:write",
    "Redeem": "shop",
}
"""The scope that a method needs."""

PROBLEMS: Final[Mapping[type[Exception], Problem]] = {
    DiscountNotFound: Problem(404, "discount-unknown", "There is no such discount."),
    VersionOutdated: Problem(
        412, "version-outdated", "Another writer changed this discount since you read it."
    ),
    CouponUnknown: Problem(404, "coupon-unknown", "There is no such coupon."),
    CouponUsed: Problem(409, "coupon-used", "You have used this coupon before."),
    CouponExhausted: Problem(409, "coupon-exhausted", "This coupon has been used up."),
    OrderHasCoupon: Problem(409, "order-has-coupon", "Another coupon is held for this order."),
}
"""What the exceptions of the model mean to a caller."""

Context = grpc.aio.ServicerContext[Any, Any]


def server_of(
    store: Store, verifier: Verifier, outermost: Sequence[grpc.aio.ServerInterceptor] = ()
) -> grpc.aio.Server:
    """A server of these discounts; `outermost` are interceptors such as tracing."""
    guard = RpcInterceptor(verifier, public=PUBLIC, scopes=SCOPES, problems=PROBLEMS)
    return create_server(DISCOUNTS, Rpc(store, verifier), [*outermost, guard])


class Rpc:
    """The methods of `discount.proto`; `RpcInterceptor` turns their exceptions into status codes."""

    def __init__(self, store: Store, verifier: Verifier) -> None:
        self._store = store
        self._verifier = verifier

    async def GetDiscount(self, request: pb.GetDiscountRequest, _context: Context) -> pb.Discount:
        """One discount."""
        return _message(await self._store.discount(_id(request.id)))

    async def ListDiscounts(
        self, request: pb.ListDiscountsRequest, context: Context
    ) -> pb.ListDiscountsResponse:
        """The best discount of each article, with the coupon unless the caller has to be able to use it."""
        skus = list(request.skus)
        if len(skus) > MAX_SKUS or not all(map(is_sku, skus)):
            raise _invalid({"skus": f"are at most {MAX_SKUS}, each of 1 to 64 characters, none of them NUL"})
        coupon, problem = valid_coupon(request.coupon), ""
        if coupon != NO_COUPON and request.coupon_must_be_usable:
            customer = rpc_caller(self._verifier, context)
            try:
                await self._store.check_coupon(customer.subject, coupon)
            except (CouponUsed, CouponExhausted) as refusal:
                coupon, problem = NO_COUPON, PROBLEMS[type(refusal)].kind
        found = await self._store.best(skus, coupon)
        discounts = {sku: _message(best) for sku, best in found.items()}
        return pb.ListDiscountsResponse(discounts=discounts, coupon_problem=problem)

    async def CreateDiscount(self, request: pb.CreateDiscountRequest, context: Context) -> pb.Discount:
        """Create a discount; a retry with the same idempotency key gets the first response."""
        writer = rpc_caller(self._verifier, context)
        errors = {}
        if len(request.idempotency_key) not in KEY_LENGTHS or "\x00" in request.idempotency_key:
            errors["idempotency_key"] = "has 8 to 200 characters, none of them NUL"
        if request.discount.id or request.discount.version:
            errors["discount"] = "has no id and no version before it is created"
        terms = _terms(request.discount, errors)
        body = request.discount.SerializeToString(deterministic=True)
        intent = Intent(owner=writer.subject, key=request.idempotency_key, request=body)
        return _message(await self._store.create(intent, terms))

    async def UpdateDiscount(self, request: pb.UpdateDiscountRequest, _context: Context) -> pb.Discount:
        """Change a discount, if the request names its current version."""
        discount = request.discount
        terms = _terms(discount, {})
        return _message(await self._store.update(_id(discount.id), discount.version, terms))

    async def DeleteDiscount(
        self, request: pb.DeleteDiscountRequest, _context: Context
    ) -> pb.DeleteDiscountResponse:
        """Delete a discount, if the request names its current version."""
        await self._store.delete(_id(request.id), request.version)
        return pb.DeleteDiscountResponse()

    async def PutCoupon(self, request: pb.PutCouponRequest, _context: Context) -> pb.Coupon:
        """Set a coupon's limits."""
        limits = request.coupon
        coupon = Coupon(
            code=normalize_coupon(limits.code),
            uses_per_customer=limits.uses_per_customer,
            uses_in_total=limits.uses_in_total,
        )
        if errors := coupon.errors():
            raise _invalid({f"coupon.{field}": rule for field, rule in errors.items()})
        await self._store.put_coupon(coupon)
        return pb.Coupon(
            code=coupon.code,
            uses_per_customer=coupon.uses_per_customer,
            uses_in_total=coupon.uses_in_total,
        )

    async def Redeem(self, request: pb.RedeemRequest, context: Context) -> pb.RedeemResponse:
        """Use a coupon for an order of the caller; repeating it is harmless."""
        customer = rpc_caller(self._verifier, context)
        if len(request.order_id) not in ORDER_ID_LENGTHS or "\x00" in request.order_id:
            raise _invalid({"order_id": "has 1 to 64 characters, none of them NUL"})
        await self._store.redeem(customer.subject, valid_coupon(request.coupon), request.order_id)
        return pb.RedeemResponse()


def _terms(message: pb.Discount, errors: dict[str, str]) -> Terms:
    """The terms in a message.

    Raises:
        Problem: 422 naming these errors and those of the terms.
    """
    terms = Terms(
        sku=message.sku,
        percent=message.percent,
        coupon=normalize_coupon(message.coupon),
        description=message.description,
    )
    errors = errors | {f"discount.{field}": rule for field, rule in terms.errors().items()}
    if errors:
        raise _invalid(errors)
    return terms


def _id(discount_id: str) -> str:
    if not discount_id or "\x00" in discount_id:
        raise _invalid({"id": "is that of a discount"})
    return discount_id


def _invalid(errors: dict[str, str]) -> Problem:
    return Problem(422, "invalid-request", "; ".join(f"{field} {rule}" for field, rule in errors.items()))


def _message(discount: Discount) -> pb.Discount:
    return pb.Discount(
        id=discount.id,
        sku=discount.sku,
        percent=discount.percent,
        coupon=discount.coupon,
        description=discount.description,
        version=discount.version,
    )
