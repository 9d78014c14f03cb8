"""The client of the discount service, which speaks gRPC."""

from collections.abc import Mapping, Sequence

import grpc

from bff.shapes import Discount
from gateway.page import loader
from gateway.upstream import Context, Failed, Nonsense, Refused, TimedOut, Unreachable, UpstreamError
from kit.pb.discount_pb2 import ListDiscountsRequest, ListDiscountsResponse
from kit.pb.discount_pb2_grpc import DiscountsStub

REFUSALS = {
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.INVALID_ARGUMENT: 400,
}
"""What a gRPC status says in HTTP, as far as it is a refusal."""

PERCENT = range(1, 101)
"""What can come off a price."""


class Discounts:
    """The price rules, for one incoming request."""

    def __init__(self, stub: DiscountsStub, context: Context) -> None:
        self._stub = stub
        self._context = context

    @loader(max_size=100)
    async def best(self, skus: Sequence[str]) -> Mapping[str, Discount | None]:
        """The best discount on an article that needs no coupon; None without one."""
        remaining = self._context.remaining()
        request = ListDiscountsRequest(skus=skus)
        headers = self._context.headers_to("discount")
        metadata = [(name.decode(), value.decode("latin-1")) for name, value in headers]
        with self._context.noting("discount", "gRPC", "ListDiscounts", answer="OK"):
            try:
                answer = await self._stub.ListDiscounts(request, timeout=remaining, metadata=metadata)
            except grpc.aio.AioRpcError as error:
                raise _failure(error) from error
        return dict.fromkeys(skus) | _read(answer)


def _read(answer: ListDiscountsResponse | None) -> dict[str, Discount]:
    if answer is None:  # what grpc returns for a message that it cannot decode
        raise Nonsense("its answer cannot be read")
    discounts = {
        sku: Discount(percent=found.percent, description=found.description)
        for sku, found in answer.discounts.items()
    }
    if any(discount.percent not in PERCENT for discount in discounts.values()):
        raise Nonsense("its answer has a discount that cannot be")
    return discounts


def _failure(error: grpc.aio.AioRpcError) -> UpstreamError:
    code = error.code()
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return TimedOut("no answer in time")
    if code is grpc.StatusCode.UNAVAILABLE:
        return Unreachable("no connection could be made")
    if code in REFUSALS:
        kind = dict(error.trailing_metadata() or ()).get("problem-type")
        return Refused(REFUSALS[code], kind=str(kind) if kind else None, detail=error.details())
    return Failed(f"it answered {code.name}")
