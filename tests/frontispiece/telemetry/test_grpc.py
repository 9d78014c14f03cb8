"""Calls over gRPC are traced on both sides, and end when whoever makes them ends."""

import asyncio
from typing import Any

import grpc
import pytest

from frontispiece.service import tracing_interceptors
from frontispiece.telemetry.spans import Tracing
from frontispiece.upstream import grpc as rpc
from shop.pb import discount_pb2 as pb
from shop.pb.services import DISCOUNTS, DiscountsStub, create_server
from tests.support.otlp import Collector

METHOD = "frontispiece.discount.v1.Discounts/GetDiscount"


class Discounts:
    """Answers `fine`, refuses `bad` and lets `slow` wait for ever."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.ended = asyncio.Event()

    async def GetDiscount(self, request: pb.GetDiscountRequest, context: Any) -> pb.Discount:  # noqa: N802
        if request.id == "bad":
            await context.abort(grpc.StatusCode.NOT_FOUND, "there is none")
        if request.id == "slow":
            self.begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                self.ended.set()
        return pb.Discount(id=request.id)


async def ask(discounts: Discounts, what: str) -> None:
    """Ask a traced server within a traced request."""
    async with Tracing("caller") as caller, Tracing("discount") as tracing:
        server = create_server(DISCOUNTS, discounts, tracing_interceptors(tracing))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            async with rpc.open_channel(f"127.0.0.1:{port}") as channel:
                stub = DiscountsStub(channel)
                try:
                    with caller.serving("GET", [], {}):
                        await stub.GetDiscount(pb.GetDiscountRequest(id=what), timeout=60)
                except asyncio.CancelledError:
                    async with asyncio.timeout(60):  # before the channel and the server end all calls
                        await discounts.ended.wait()
                    raise
        finally:
            await server.stop(1)  # gracefully, or gRPC writes on stderr that it cancels all calls


async def test_both_sides_of_a_call_are_in_one_trace(collector: Collector) -> None:
    await ask(Discounts(), "fine")

    called, served = collector.span("caller", METHOD), collector.span("discount", METHOD)
    assert (served.trace, served.parent) == (called.trace, called.id)
    assert called.about == served.about
    assert called.about["rpc.grpc.status_code"] in {0, "0"}
    assert not called.is_error


async def test_a_refusal_is_an_error_with_its_code(collector: Collector) -> None:
    with pytest.raises(grpc.aio.AioRpcError, match="there is none"):
        await ask(Discounts(), "bad")

    for side in ("caller", "discount"):
        assert collector.span(side, METHOD).about["error.type"] == "NOT_FOUND"


async def test_a_cancelled_call_is_cancelled_at_the_service(collector: Collector) -> None:
    discounts = Discounts()
    asking = asyncio.create_task(ask(discounts, "slow"))
    await discounts.begun.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking

    assert collector.span("caller", METHOD).is_error
