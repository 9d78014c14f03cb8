"""The discount service behind the BFFs, over gRPC."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import grpc

from shop.pb import discount_pb2 as pb
from tests.bff.troubles import HANGING
from tests.bff.world import Shop

Answer = Callable[[pb.ListDiscountsRequest, Any], Awaitable[pb.ListDiscountsResponse | bytes]]


@asynccontextmanager
async def discount_server(shop: Shop, answer: Answer | None = None) -> AsyncIterator[str]:
    """The address of the shop's discount service, which may also answer bytes that are no message."""
    method = grpc.unary_unary_rpc_method_handler(
        answer or partial(list_discounts, shop),
        request_deserializer=pb.ListDiscountsRequest.FromString,
        response_serializer=_serialized,
    )
    service = grpc.method_handlers_generic_handler(
        "frontispiece.discount.v1.Discounts", {"ListDiscounts": method}
    )
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((service,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(1)  # gracefully, or gRPC writes on stderr that it cancels all calls


def _serialized(answer: pb.ListDiscountsResponse | bytes) -> bytes:
    return answer if isinstance(answer, bytes) else answer.SerializeToString()


async def list_discounts(
    shop: Shop, request: pb.ListDiscountsRequest, context: Any
) -> pb.ListDiscountsResponse | bytes:
    """What the service says of these articles, unless it is in trouble."""
    assert 1 <= len(request.skus) <= 100
    shop.discount_calls.append(dict(context.invocation_metadata()))
    trouble = shop.trouble.get("discounts")
    if trouble is HANGING:
        await asyncio.Event().wait()
    if trouble is not None and isinstance(trouble.over_grpc, grpc.StatusCode):
        await context.abort(trouble.over_grpc, "refused by the test", (("problem-type", "just-so"),))
    if trouble is not None and isinstance(trouble.over_grpc, bytes):
        return trouble.over_grpc
    rules = [("", shop.percent), (request.coupon, shop.coupons.get(request.coupon, {}))]
    found = {
        sku: pb.Discount(
            id=f"rule-{sku}", sku=sku, percent=percent, coupon=coupon, description="Sale", version=1
        )
        for coupon, percents in rules
        for sku, percent in percents.items()
        if sku in request.skus
    }
    problem = shop.coupon_problem if request.coupon_must_be_usable else ""
    return pb.ListDiscountsResponse(discounts=found, coupon_problem=problem)
