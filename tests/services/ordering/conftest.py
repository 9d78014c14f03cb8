from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import grpc
import httpx
import pytest
import respx
from fastapi import FastAPI

from kit.pb import discount_pb2_grpc
from kit.settings import Directory, TokenSettings
from services.ordering.app import OrderingSettings, create_app
from tests.conftest import AppClient, MakeToken
from tests.services.ordering.world import Discounts, Shop

MakeOrdering = Callable[..., FastAPI]


@pytest.fixture
async def discounts() -> AsyncIterator[tuple[Discounts, grpc.aio.Server, str]]:
    """Rules that tests set, the server that tells them, and its address."""
    servicer, server = Discounts(), grpc.aio.server()
    discount_pb2_grpc.add_DiscountsServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield servicer, server, f"127.0.0.1:{port}"
    await server.stop(None)


@pytest.fixture
def shop(discounts: tuple[Discounts, grpc.aio.Server, str]) -> Iterator[Shop]:
    """A shop with ten PEN at 3.33 and ten INK at 10.00; two PEN and one INK lie in the basket."""
    shop = Shop(discounts=discounts[0])
    shop.sells("PEN", 333)
    shop.sells("INK", 1000)
    shop.basket = {"PEN": 2, "INK": 1}
    with respx.mock(assert_all_called=False) as router:
        router.route(host__in=["catalog.test", "inventory.test", "basket.test"]).mock(side_effect=shop.answer)
        yield shop


@pytest.fixture
def make_ordering(
    token_settings: TokenSettings, signing_key: str, discounts: tuple[Discounts, grpc.aio.Server, str]
) -> MakeOrdering:
    """`make_ordering(database_url, timeout=10)`: the ordering service in that shop."""

    def make(database_url: str, timeout: float = 10) -> FastAPI:
        services = {name: f"http://{name}.test" for name in ("catalog", "inventory", "basket")}
        return create_app(
            OrderingSettings(
                database_url=database_url,
                timeout=timeout,
                directory=Directory(services={**services, "discount-grpc": discounts[2]}),
                signing_key=signing_key,
                tokens=token_settings,
            )
        )

    return make


@pytest.fixture
async def http(
    tmp_path: Path, make_ordering: MakeOrdering, app_client: AppClient, shop: Shop
) -> AsyncIterator[httpx.AsyncClient]:
    """Ordering in that shop, on SQLite."""
    assert shop.basket
    async with app_client(make_ordering(f"sqlite+aiosqlite:///{tmp_path}/ordering.db")) as client:
        yield client


@pytest.fixture
def reader(bearer: MakeToken) -> dict[str, str]:
    """The headers of a customer who orders."""
    return {**bearer("reader", "shop"), "Idempotency-Key": "an-intent"}
