"""A gateway on a real socket in front of real upstreams."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import httpx
import pytest

from gateway import table
from gateway.app import Gateway
from kit.settings import Directory, TokenSettings
from kit.tokens import Verifier
from tests.support.serving import Serve, client_of, nobody_there, servers
from tests.support.stub import Stub

ROUTES = """
[services.things]
url = "registry://things"

[[routes]]
path = "/things/{id}"
to = "things:/inner/{id}"
auth = "none"

[[routes]]
path = "/things/{id}"
methods = ["PUT", "POST"]
to = "things:/inner/{id}"
auth = "none"

[[routes]]
path = "/files/{rest:path}"
to = "things"
auth = "none"

[[routes]]
path = "/mine"
to = "things"
auth = "bearer"

[[routes]]
path = "/mine/written"
methods = ["POST"]
to = "things"
auth = "bearer"
scopes = ["things:write", "shop"]

[[routes]]
path = "/hasty"
methods = ["GET", "POST"]
to = "things"
auth = "none"
timeout = "100ms"

[services.gone]
url = "registry://gone"

[[routes]]
path = "/gone"
to = "gone"
auth = "none"
"""

OpenGateway = Callable[..., Awaitable[httpx.AsyncClient]]


@dataclass(frozen=True, kw_only=True)
class Edge:
    """A client of the gateway, and the upstream `things` behind it; behind `gone` there is nobody."""

    http: httpx.AsyncClient
    things: Stub


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """`url = await serve(app)`: real servers."""
    async with servers() as serve:
        yield serve


@pytest.fixture
async def open_gateway(serve: Serve, token_settings: TokenSettings) -> AsyncIterator[OpenGateway]:
    """`http = await open_gateway(routes, things=url)`: its client; `explains=True` lets it look inside."""
    clients: list[httpx.AsyncClient] = []

    async def open_gateway(routes: str, *, explains: bool = False, **services: str) -> httpx.AsyncClient:
        directory, verifier = Directory(services=services), Verifier(token_settings)
        gateway = Gateway(table.parse(routes), directory, verifier, explains=explains)
        clients.append(client_of(await serve(gateway)))
        return clients[-1]

    yield open_gateway
    for client in clients:
        await client.aclose()


@pytest.fixture
async def edge(serve: Serve, open_gateway: OpenGateway) -> Edge:
    """The gateway with `ROUTES`."""
    things = Stub()
    http = await open_gateway(ROUTES, things=await serve(things), gone=nobody_there())
    return Edge(http=http, things=things)
