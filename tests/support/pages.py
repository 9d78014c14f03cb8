"""Pages in front of a real service; apps of pages on sockets: alone, behind a gateway, mounted in one."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx

from gateway.page import Inbound, Provider
from gateway.upstream import Service, Upstream, open_upstream
from kit.asgi import App
from kit.settings import Directory
from tests.support.gateways import gateway_of
from tests.support.serving import Serve, client_of, servers

WAYS = ["alone", "behind a gateway", "mounted in a gateway"]

ROUTES = """
[services.pages]
url = "registry://pages"

[[routes]]
path = "/{rest:path}"
methods = ["GET", "POST"]
to = "pages"
auth = "none"
timeout = "30s"
"""

_mounted: list[App] = []


def mounted() -> App:
    """What the address in the gateway's registry names: the latest app."""
    return _mounted[-1]


@asynccontextmanager
async def url_of(app: App, way: str) -> AsyncIterator[str]:
    """The address at which the app is served in one of the `WAYS`."""
    async with servers() as serve:
        yield await _served(app, way, serve)


async def _served(app: App, way: str, serve: Serve) -> str:
    if way == "alone":
        return await serve(app)
    if way == "behind a gateway":
        address = await serve(app)
    else:
        _mounted.append(app)
        address = "app://tests.support.pages:mounted"
    return await serve(gateway_of(ROUTES, {"pages": address}))


@asynccontextmanager
async def reached(app: App, way: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the app, served in one of the `WAYS`."""
    async with url_of(app, way) as url, client_of(url) as http:
        yield http


class Things:
    """The client of a service of things."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def thing(self, name: str) -> Any:
        """One of them, by its name."""
        return await self._service.get(f"/things/{name}", Any)


def things_at(upstream: Upstream) -> Mapping[Any, Provider]:
    """How pages get `Things`, bound to their request and told who makes it."""

    def provide(inbound: Inbound) -> Things:
        said = inbound.header("authorization")
        proof = said.encode() if said else None
        return Things(upstream.within(replace(inbound.context, authorization=lambda _service: proof)))

    return {Things: provide}


@asynccontextmanager
async def things_of(service: App) -> AsyncIterator[Mapping[Any, Provider]]:
    """How pages get `Things`, which are at this service, on a socket of its own."""
    async with (
        servers() as serve,
        open_upstream("things", await serve(service), Directory()) as upstream,
    ):
        yield things_at(upstream)
