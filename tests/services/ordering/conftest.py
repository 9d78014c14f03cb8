import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import grpc
import pytest
import respx

from frontispiece.events import EventSettings
from frontispiece.settings import Directory, TokenSettings
from services.ordering.app import OrderingSettings, create_app
from services.ordering.settings import ShardDatabases
from services.ordering.store import Orders
from services.ordering.tables import event_store
from shop.pb.services import DISCOUNTS, create_server
from tests.conftest import AppClient, MakeToken
from tests.services.ordering.copy_of_ordering import Copy
from tests.services.ordering.orders import one_shard, opened
from tests.services.ordering.reading import Reading
from tests.services.ordering.world import Discounts, Shop
from tests.support.clock import Calendar
from tests.support.events import NO_BROKER

OpenShop = Callable[..., AbstractAsyncContextManager[Shop]]


@pytest.fixture
async def discounts() -> AsyncIterator[tuple[Discounts, grpc.aio.Server, str]]:
    """Rules that tests set, the server that has them, and its address."""
    servicer = Discounts()
    server = create_server(DISCOUNTS, servicer)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield servicer, server, f"127.0.0.1:{port}"
    await server.stop(None)


@pytest.fixture
def open_shop(
    *,
    token_settings: TokenSettings,
    signing_key: str,
    discounts: tuple[Discounts, grpc.aio.Server, str],
    app_client: AppClient,
    bearer: MakeToken,
    tmp_path: Path,
) -> OpenShop:
    """A shop with PEN at 3.33 and INK at 10.00; two PEN and one INK lie in the basket."""
    services = {name: f"httpx+http://{name}.test" for name in ("catalog", "basket", "shipping", "pickup")}

    @asynccontextmanager
    async def open_(
        database_url: str = "",
        call_timeout: float = 10,
        addresses: dict[str, str] | None = None,
        *,
        shards: dict[str, ShardDatabases] | None = None,
        events: EventSettings = NO_BROKER,
    ) -> AsyncIterator[Shop]:
        settings = OrderingSettings(
            shards=shards or one_shard(database_url, f"sqlite:///{tmp_path}/read.db"),
            timeout=call_timeout,
            directory=Directory(services={**services, "discount-grpc": discounts[2], **(addresses or {})}),
            signing_key=signing_key,
            tokens=token_settings,
            events=events,
        )
        app = create_app(settings)
        async with app_client(app) as http:
            shop = Shop(http=http, bearer=bearer, discounts=discounts[0], shards=app.state.store)
            shop.sells("PEN", 333)
            shop.sells("INK", 1000)
            shop.basket = {"PEN": 2, "INK": 1}
            with respx.mock(assert_all_called=False) as router:
                router.route(host__in=["gone.test", *(f"{name}.test" for name in services)]).mock(
                    side_effect=shop.answer
                )
                yield shop

    return open_


@pytest.fixture
async def shop(open_shop: OpenShop, sqlite_url: str) -> AsyncIterator[Shop]:
    async with open_shop(sqlite_url) as shop:
        yield shop


@pytest.fixture
async def reading(
    request: pytest.FixtureRequest,
    database_url: str,
    tmp_path: Path,
    clock: Calendar,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Reading]:
    """An empty log and an empty read model, both on SQLite and both on PostgreSQL."""
    monkeypatch.setattr(event_store, "_now", clock)
    if database_url.startswith("sqlite"):
        read_url = f"sqlite:///{tmp_path}/read.db"
    else:
        read_url = request.getfixturevalue("postgres").new_database()
    async with Reading(database_url, read_url) as reading:
        yield reading


@pytest.fixture
def closed() -> str:
    """An address where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


@pytest.fixture
async def orders(shop: Shop, sqlite_url: str) -> AsyncIterator[Orders]:
    """The shop's orders, as another copy of ordering has them."""
    async with opened(sqlite_url) as orders:
        yield orders


@pytest.fixture
def copy(reading: Reading, token_settings: TokenSettings) -> Copy:
    return Copy(reading, token_settings)
