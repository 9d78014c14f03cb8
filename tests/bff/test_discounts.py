"""The client of the discount service, on the road."""

import asyncio

import grpc
import pytest

from bff.discounts import Discounts
from bff.shapes import Discount
from gateway.page import gather
from gateway.upstream import Context, Refused, TimedOut, Unreachable, UpstreamError
from kit.pb.discount_pb2_grpc import DiscountsStub
from tests.bff.world import Shop, Trouble, discount_server
from tests.support.serving import nobody_there


def context(seconds: float = 5) -> Context:
    return Context(deadline=asyncio.get_running_loop().time() + seconds)


async def ask(address: str, skus: list[str], seconds: float = 5) -> list[Discount | None]:
    async with grpc.aio.insecure_channel(address) as channel:
        discounts = Discounts(DiscountsStub(channel), context(seconds))
        return await gather(discounts.best(sku) for sku in skus)


async def test_what_comes_off_several_articles_is_asked_in_one_call(shop: Shop) -> None:
    async with discount_server(shop) as address:
        assert await ask(address, ["PEN", "INK"]) == [Discount(10, "Sale"), None]
    assert len(shop.discount_calls) == 1


async def test_about_no_articles_nobody_is_asked(shop: Shop) -> None:
    async with discount_server(shop) as address:
        assert await ask(address, []) == []
    assert shop.discount_calls == []


async def test_when_no_time_is_left_nobody_is_asked(shop: Shop) -> None:
    async with discount_server(shop) as address:
        with pytest.raises(TimedOut, match="no time left"):
            await ask(address, ["PEN"], seconds=0)
    assert shop.discount_calls == []


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
async def test_a_refusal_says_in_http_what_it_said_in_grpc(
    shop: Shop, code: grpc.StatusCode, status: int
) -> None:
    shop.trouble["discounts"] = Trouble(over_http=None, over_grpc=code, reason="refused", status=status)

    async with discount_server(shop) as address:
        with pytest.raises(Refused, match="told so by the test") as refusal:
            await ask(address, ["PEN"])

    assert refusal.value.answered == status
    assert refusal.value.type == "just-so"


async def test_any_other_status_is_a_failure(shop: Shop) -> None:
    for code in (grpc.StatusCode.UNKNOWN, grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.DATA_LOSS):
        shop.trouble["discounts"] = Trouble(over_http=None, over_grpc=code, reason="failed", status=502)
        async with discount_server(shop) as address:
            with pytest.raises(UpstreamError) as failure:
                await ask(address, ["PEN"])
        assert (failure.value.reason, failure.value.status) == ("failed", 502)
