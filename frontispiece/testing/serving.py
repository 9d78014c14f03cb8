"""Apps under test: a BFF in the test's own process, and a gateway on a free port of this machine."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpx
import pytest

from frontispiece.gateway.app import Gateway
from frontispiece.http.asgi import App
from frontispiece.pages import PageApp
from frontispiece.server.server import Server, running
from frontispiece.server.sockets import address, bound

ServeBff = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]
"""The type of the fixture `serve_bff`."""

ServeGateway = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]
"""The type of the fixture `serve_gateway`."""


def set_environment(
    monkeypatch: pytest.MonkeyPatch, services: Mapping[str, str], *variables: Mapping[str, str] | None
) -> None:
    """Set the addresses of services, and these variables."""
    monkeypatch.setenv("SERVICES", json.dumps(dict(services)))
    for name, value in (pair for each in variables for pair in (each or {}).items()):
        monkeypatch.setenv(name, value)


@asynccontextmanager
async def served_bff(create_app: Callable[[], PageApp]) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the BFF, which runs in this process with its lifespan; no socket lies between."""
    app = create_app()
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://bff.test") as client,
    ):
        yield client


@asynccontextmanager
async def served_gateway(create_app: Callable[[], Gateway]) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the gateway, which listens on a socket of loopback.

    Its connections are not kept: one would be idle for too long when a test moves the clock on.
    """
    limits = httpx.Limits(max_keepalive_connections=0)
    async with listening(create_app()) as url, httpx.AsyncClient(base_url=url, limits=limits) as client:
        yield client


@asynccontextmanager
async def listening(app: App) -> AsyncIterator[str]:
    """The URL of an app, served on a free port of loopback until the end."""
    sock = bound()
    async with running([(Server("the app under test", app), sock)]):
        yield f"http://{address(sock)}"
