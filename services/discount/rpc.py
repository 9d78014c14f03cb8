"""Discount over gRPC: parse, call, answer."""
# ruff: noqa: N802 (the calls are named as in discount.proto)

from collections.abc import Sequence

import grpc

from kit.idempotency import Intent
from kit.pb import discount_pb2 as pb
from kit.pb import discount_pb2_grpc
from kit.problems import Problem
from kit.tokens import Identity, Verifier
from services.discount.callers import Context, Known, caller
from services.discount.errors import Problems
from services.discount.model import Discount, Terms, given_coupon, is_sku, normal_coupon
from services.discount.store import Store

SCOPE = "discount:write"
MOST_SKUS = 100
KEY_LENGTHS = range(8, 201)


def create_server(
    store: Store, verifier: Verifier, first: Sequence[grpc.aio.ServerInterceptor] = ()
) -> grpc.aio.Server:
    """A server of discounts, not yet listening; made in the event loop that it runs in.

    Args:
        store: the discounts.
        verifier: tells who calls.
        first: what stands before everything else that stands around a call.
    """
    # Without so_reuseport=0 two servers could listen on one port and take turns, instead of a clear failure.
    around = [*first, Problems(), Known(verifier)]
    server = grpc.aio.server(interceptors=around, options=[("grpc.so_reuseport", 0)])
    discount_pb2_grpc.add_DiscountsServicer_to_server(Rpc(store, verifier), server)
    return server


class Rpc(discount_pb2_grpc.DiscountsServicer):
    """The calls of `discount.proto`. What they raise becomes a status code in `errors`."""

    def __init__(self, store: Store, verifier: Verifier) -> None:
        self._store = store
        self._verifier = verifier

    async def GetDiscount(self, request: pb.GetDiscountRequest, _context: Context) -> pb.Discount:
        """One discount."""
        return _message(await self._store.discount(_id(request.id)))

    async def ListDiscounts(
        self, request: pb.ListDiscountsRequest, _context: Context
    ) -> pb.ListDiscountsResponse:
        """The best discount of each article."""
        skus = list(request.skus)
        if len(skus) > MOST_SKUS or not all(map(is_sku, skus)):
            raise _invalid({"skus": f"are at most {MOST_SKUS}, each of 1 to 64 characters, none of them NUL"})
        found = await self._store.best(skus, given_coupon(request.coupon))
        return pb.ListDiscountsResponse(discounts={sku: _message(best) for sku, best in found.items()})

    async def CreateDiscount(self, request: pb.CreateDiscountRequest, context: Context) -> pb.Discount:
        """Put a discount in force; sent again, it gets its first answer and does nothing twice."""
        writer = self._writer(context)
        faults = {}
        if len(request.idempotency_key) not in KEY_LENGTHS or "\x00" in request.idempotency_key:
            faults["idempotency_key"] = "has 8 to 200 characters, none of them NUL"
        if request.discount.id or request.discount.version:
            faults["discount"] = "has no id and no version before it is created"
        terms = _terms(request.discount, faults)
        wanted = request.discount.SerializeToString(deterministic=True)
        intent = Intent(owner=writer.subject, key=request.idempotency_key, request=wanted)
        return _message(await self._store.create(intent, terms))

    async def UpdateDiscount(self, request: pb.UpdateDiscountRequest, context: Context) -> pb.Discount:
        """Change a discount whose version is still the one last seen."""
        self._writer(context)
        wanted = request.discount
        terms = _terms(wanted, {})
        return _message(await self._store.update(_id(wanted.id), wanted.version, terms))

    async def DeleteDiscount(
        self, request: pb.DeleteDiscountRequest, context: Context
    ) -> pb.DeleteDiscountResponse:
        """Put a discount out of force whose version is still the one last seen."""
        self._writer(context)
        await self._store.delete(_id(request.id), request.version)
        return pb.DeleteDiscountResponse()

    def _writer(self, context: Context) -> Identity:
        """The caller, who may write.

        Raises:
            Problem: 401 without a true token, 403 without the scope.
        """
        writer = caller(self._verifier, context)
        if SCOPE not in writer.scopes:
            raise Problem(403, "scope-missing", f"This needs the scope {SCOPE}.")
        return writer


def _terms(wanted: pb.Discount, faults: dict[str, str]) -> Terms:
    """The terms that somebody wants.

    Raises:
        Problem: 422 naming these faults and those of the terms.
    """
    terms = Terms(
        sku=wanted.sku,
        percent=wanted.percent,
        coupon=normal_coupon(wanted.coupon),
        description=wanted.description,
    )
    faults = faults | {f"discount.{field}": rule for field, rule in terms.faults().items()}
    if faults:
        raise _invalid(faults)
    return terms


def _id(discount_id: str) -> str:
    if not discount_id or "\x00" in discount_id:
        raise _invalid({"id": "is that of a discount"})
    return discount_id


def _invalid(faults: dict[str, str]) -> Problem:
    return Problem(422, "invalid-request", "; ".join(f"{field} {rule}" for field, rule in faults.items()))


def _message(discount: Discount) -> pb.Discount:
    return pb.Discount(
        id=discount.id,
        sku=discount.sku,
        percent=discount.percent,
        coupon=discount.coupon,
        description=discount.description,
        version=discount.version,
    )
