"""The worlds that tests share: keys and tokens, databases, apps under their own lifespan."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import valkey
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI

from front.valkey import running_valkey
from kit.settings import TokenSettings
from kit.tokens import sign
from tests.support.postgres import Postgres, running_postgres

AppClient = Callable[[FastAPI], AbstractAsyncContextManager[httpx.AsyncClient]]
MakeToken = Callable[..., dict[str, str]]


@pytest.fixture(scope="session")
def private_key() -> str:
    """The PEM of the key that this test run's tokens are signed with."""
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem.decode()


@pytest.fixture(scope="session")
def token_settings(private_key: str) -> TokenSettings:
    """The settings by which apps verify these tokens."""
    private = serialization.load_pem_private_key(private_key.encode(), None)
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return TokenSettings(public_key=public.decode())


@pytest.fixture(scope="session")
def bearer(private_key: str, token_settings: TokenSettings) -> MakeToken:
    """`bearer("reader", "shop")`: the Authorization header of a subject with these scopes."""

    def make(subject: str, *scopes: str) -> dict[str, str]:
        token = sign(
            private_key=private_key,
            subject=subject,
            scopes=scopes,
            lifetime=timedelta(minutes=5),
            settings=token_settings,
        )
        return {"Authorization": f"Bearer {token}"}

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


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new, empty database: every test that asks runs on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/service.db"
    server: Postgres = request.getfixturevalue("postgres")
    return server.new_database()


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
