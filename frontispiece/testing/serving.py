"""Apps under test: a BFF in the test's own process, and a gateway on a free port of this machine."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from frontispiece.gateway import GatewaySettings
from frontispiece.gateway.app import create_app
from frontispiece.http.asgi import App
from frontispiece.pages import Bff
from frontispiece.server.server import Server
from frontispiece.server.sockets import address, bound
from frontispiece.settings import Directory
from frontispiece.testing.identities import Identities

ServeBff = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]
ServeGateway = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@asynccontextmanager
async def served_bff(
    bff: Bff, directory: Directory, identities: Identities, **settings: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the BFF, which runs in this process with its lifespan; no socket lies between."""
    app = bff(
        bff.settings_class(
            directory=directory, signing_key=identities.signing_key, tokens=identities.tokens, **settings
        )
    )
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://bff.test") as client,
    ):
        yield client


@asynccontextmanager
async def served_gateway(
    routes: Path, directory: Directory, identities: Identities, **settings: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a gateway with this route table, on a socket of loopback."""
    gateway = create_app(
        GatewaySettings(
            routes=routes, watch=False, directory=directory, signing_key=identities.signing_key, **settings
        )
    )
    async with listening(gateway) as url, httpx.AsyncClient(base_url=url) as client:
        yield client


@asynccontextmanager
async def listening(app: App) -> AsyncIterator[str]:
    """The URL of an app, served on a free port of loopback until the end."""
    sock = bound()
    server = Server("the app under test", app)
    async with asyncio.TaskGroup() as tasks:
        await server.until_started(tasks.create_task(server.serve(sock)))
        try:
            yield f"http://{address(sock)}"
        finally:
            server.stop()
