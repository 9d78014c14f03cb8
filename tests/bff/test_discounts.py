"""The client of the discount service, on the road."""

import asyncio
from typing import Any

import grpc
import pytest

from bff.clients.discount import Discount, Discounts
from frontispiece.pages import gather
from frontispiece.settings import Directory
from frontispiece.upstream import Context, GrpcService, TimedOut, Unreachable, UpstreamClientError
from shop.pb import discount_pb2 as pb
from shop.pb.services import DiscountsStub
from tests.bff.discounts import discount_server, list_discounts
from tests.bff.troubles import Trouble
from tests.bff.world import Shop
from tests.support.serving import nobody_there


def context(seconds: float = 60) -> Context:
    return Context(deadline=asyncio.get_running_loop().time() + seconds)


async def ask(address: str, skus: list[str], seconds: float = 60) -> list[Discount | None]:
    directory = Directory(services={"discount": address})
    async with GrpcService("discount", DiscountsStub).connect(directory, Discounts) as connector:
        discounts = connector.bind(context(seconds))
        return await gather(discounts.load_discount(sku) for sku in skus)


async def test_several_articles_cost_one_call_and_none_without_articles_or_time(shop: Shop) -> None:
    async with discount_server(shop) as address:
        assert await ask(address, ["PEN", "INK"]) == [Discount(10, "Sale"), None]
        assert await ask(address, []) == []
        with pytest.raises(TimedOut, match="no time left"):
            await ask(address, ["PEN"], seconds=0)
    assert len(shop.discount_calls) == 1


async def test_a_service_that_is_not_there_is_unreachable() -> None:
    with pytest.raises(Unreachable):
        await ask(nobody_there().removeprefix("http://"), ["PEN"])


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (grpc.StatusCode.NOT_FOUND, 404),
        (grpc.StatusCode.UNAUTHENTICATED, 401),
        (grpc.StatusCode.PERMISSION_DENIED, 403),
        (grpc.StatusCode.ABORTED, 409),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, 429),
        (grpc.StatusCode.INVALID_ARGUMENT, 400),
    ],
)
async def test_a_refusal_in_grpc_is_the_same_problem_in_http(
    shop: Shop, code: grpc.StatusCode, status: int
) -> None:
    shop.trouble["discounts"] = Trouble(over_http=None, over_grpc=code, reason="refused", status=status)

    async with discount_server(shop) as address:
        with pytest.raises(UpstreamClientError, match="refused by the test") as refusal:
            await ask(address, ["PEN"])

    assert refusal.value.upstream_status == status
    assert refusal.value.type == "just-so"


class Clocked:
    """A discount service that notes the seconds it is given; `gate` lets it answer."""

    def __init__(self) -> None:
        self.given: list[float] = []
        self.gate = asyncio.Event()
        self.left = asyncio.Event()

    async def answer(self, request: pb.ListDiscountsRequest, context: Any) -> Any:
        self.given.append(context.time_remaining())
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.left.set()
            raise
        return await list_discounts(Shop(), request, context)


async def test_the_time_that_is_left_is_the_calls_deadline() -> None:
    service = Clocked()
    service.gate.set()
    async with discount_server(Shop(), service.answer) as address:
        await ask(address, ["PEN"], 60)

    [given] = service.given
    assert 30 < given <= 60.1  # the clocks of the two sides differ by little


async def test_when_it_is_over_the_service_is_no_longer_waited_for_and_knows_it() -> None:
    service = Clocked()
    async with asyncio.timeout(30), discount_server(Shop(), service.answer) as address:
        with pytest.raises(TimedOut):
            await ask(address, ["PEN"], 0.2)
        await service.left.wait()
