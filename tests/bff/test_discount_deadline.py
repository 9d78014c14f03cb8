"""The discount service is told over gRPC how long its answer is waited for."""

import asyncio

import grpc
import pytest

from bff.discounts import Discounts
from gateway.page import gather
from gateway.upstream import Context, TimedOut
from kit.pb import discount_pb2 as pb
from kit.pb.discount_pb2_grpc import DiscountsStub
from tests.bff.world import Shop, discount_server


class Clocked(Shop):
    """A shop whose discount service notes the seconds it is given; `gate` lets it answer."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[float] = []
        self.gate = asyncio.Event()
        self.left = asyncio.Event()

    async def discounts(
        self,
        request: pb.ListDiscountsRequest,
        context: "grpc.aio.ServicerContext[pb.ListDiscountsRequest, pb.ListDiscountsResponse]",
    ) -> pb.ListDiscountsResponse | bytes:
        self.given.append(context.time_remaining())
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.left.set()
            raise
        return await super().discounts(request, context)


async def ask(address: str, seconds: float) -> None:
    async with grpc.aio.insecure_channel(address) as channel:
        context = Context(deadline=asyncio.get_running_loop().time() + seconds)
        await gather([Discounts(DiscountsStub(channel), context).best("PEN")])


async def test_the_time_that_is_left_is_the_calls_deadline() -> None:
    shop = Clocked()
    shop.gate.set()
    async with discount_server(shop) as address:
        await ask(address, 60)

    [given] = shop.given
    assert 30 < given <= 60.1  # the clocks of the two sides differ by little


async def test_when_it_is_over_the_service_is_no_longer_waited_for_and_knows_it() -> None:
    shop = Clocked()
    async with asyncio.timeout(10), discount_server(shop) as address:
        with pytest.raises(TimedOut):
            await ask(address, 0.2)
        await shop.left.wait()
