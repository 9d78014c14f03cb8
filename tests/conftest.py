"""The worlds that tests share: keys and tokens, databases, apps under their own lifespan."""

import gc
import os
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import hypothesis
import pytest
import valkey
from fastapi import FastAPI

from frontispiece.cli.run.nats import NatsAddresses, running_nats
from frontispiece.cli.run.valkey import running_valkey
from frontispiece.events import EventSettings
from frontispiece.security import Identity, Signer, issuers, private_key
from frontispiece.settings import TokenSettings
from frontispiece.testing import new_signing_key
from tests.support.events import delete_streams
from tests.support.postgres import Postgres, running_postgres
from tests.support.scheduling import Scheduling
from tests.support.serving import Serve, servers

THRESHOLDS = gc.get_threshold()
gc.set_threshold(20_000, 20, 50)  # what is imported and collected is no garbage

hypothesis.settings.register_profile(  # no example fails because the machine is busy
    "suite", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("suite")

AppClient = Callable[[FastAPI], AbstractAsyncContextManager[httpx.AsyncClient]]
MakeToken = Callable[..., dict[str, str]]


def pytest_collection_finish() -> None:
    """Exempt all that was imported and collected from garbage collections, which would take half a second."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)


@pytest.hookimpl(optionalhook=True, wrapper=True)
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    """One worker more than there are cores: a quarter of the time a worker waits for what it started."""
    return (yield) + 1


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling | None:
    """With `--dist loadfile`, tests are shared out as `Scheduling` does."""
    return Scheduling(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.fixture(scope="session", autouse=True)
def migrate_at_start() -> None:
    """Services migrate their databases when they start, as under `front up`."""
    os.environ["DATABASE_MIGRATE"] = "true"


@pytest.fixture
def open_umask() -> Iterator[None]:
    """New files are everybody's unless the program says otherwise."""
    previous = os.umask(0)
    yield
    os.umask(previous)


@pytest.fixture(scope="session")
def signing_key() -> str:
    """The PEM of the key that callers of services sign with in this test run."""
    return new_signing_key()


@pytest.fixture(scope="session")
def token_settings(signing_key: str) -> TokenSettings:
    """The settings by which services believe these callers."""
    holders = "gateway", "bff-web", "bff-mobile", "bff-agent", "ordering", "payment"
    return TokenSettings(issuers=issuers((holder, private_key(signing_key)) for holder in holders))


@pytest.fixture
def audience(request: pytest.FixtureRequest) -> str:
    """The service that a test's tokens are for: the one whose folder the test is in."""
    return request.path.parent.name


@pytest.fixture
def bearer(signing_key: str, audience: str) -> MakeToken:
    """`bearer("reader", "shop")`: the Authorization header of a call for a user."""
    return internal_bearer(signing_key, audience)


def internal_bearer(signing_key: str, audience: str) -> MakeToken:
    """Makes the Authorization header of calls by the gateway to the service `audience`."""
    signer = Signer(signing_key, "gateway")

    def make(subject: str, *scopes: str, merged_guest: str | None = None) -> dict[str, str]:
        identity = Identity(
            subject=subject, scopes=frozenset(scopes), client="web", merged_guest=merged_guest
        )
        return {"Authorization": signer.authorization(identity, audience).decode()}

    return make


@pytest.fixture(scope="session")
def app_client() -> AppClient:
    """`async with app_client(app) as client`: the app with its lifespan, reached without a socket."""

    @asynccontextmanager
    async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://service") as http,
        ):
            yield http

    return client


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server for the whole run, started when the first test asks."""
    with running_postgres() as server:
        yield server


@pytest.fixture
def tables() -> str:
    """The service whose tables a PostgreSQL database has from an earlier test, without rows; here none."""
    return ""


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path, tables: str) -> Iterator[str]:
    """An empty database: every test that asks runs on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/service.db"
        return
    server: Postgres = request.getfixturevalue("postgres")
    with server.database(tables) as url:
        yield url


@pytest.fixture(scope="session")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Valkey server for the whole run, started when the first test asks; tests take `valkey_url`."""
    with running_valkey(tmp_path_factory.mktemp("valkey")) as url:
        yield url


@pytest.fixture
def valkey_url(valkey_server: str) -> str:
    """A Valkey server with nothing in it, neither data nor scripts: what an earlier test left is gone."""
    with valkey.Valkey.from_url(valkey_server) as client:
        client.flushall()
        client.script_flush()
    return valkey_server


@pytest.fixture(scope="session")
def nats_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsAddresses]:
    """A NATS server for the whole run, started when the first test asks; tests take `event_settings`."""
    with running_nats(tmp_path_factory.mktemp("nats")) as addresses:
        yield addresses


@pytest.fixture
async def event_settings(nats_server: NatsAddresses) -> EventSettings:
    """Settings that lead to a NATS server without streams, and with short delays."""
    await delete_streams(nats_server.url)
    return EventSettings(
        url=nats_server.url,
        prefix="shop",
        monitor_url=nats_server.monitor_url,
        min_backoff=0.01,
        ack_wait=10,  # no message is delivered anew because the machine is busy
    )


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """`url = await serve(app)`: real servers."""
    async with servers() as serve:
        yield serve


@pytest.fixture
def reader(bearer: MakeToken) -> dict[str, str]:
    """The headers of a customer."""
    return bearer("reader", "shop")
