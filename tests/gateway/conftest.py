"""A gateway on a real socket in front of real upstreams."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import httpx
import pytest

from kit.settings import TokenSettings
from kit.tokens import Identity, Verifier
from tests.conftest import MakeToken
from tests.support.gateways import gateway_of
from tests.support.issuer import Issuer, issuer_at
from tests.support.serving import Serve, client_of, nobody_there, servers
from tests.support.stub import Exchange, Stub

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

PROBLEM = "urn:frontispiece:problem:"

READER = Identity(subject="reader", scopes=frozenset({"shop"}), client="mobile")
"""Whom `bearer("reader", "shop")` tells of."""

OpenGateway = Callable[..., Awaitable[httpx.AsyncClient]]
ToldTo = Callable[[Exchange, str], Identity]


def assert_refused(answer: httpx.Response, status: int, kind: str) -> str:
    """The answer is this problem; gives its challenge."""
    assert (answer.status_code, answer.json()["type"]) == (status, PROBLEM + kind)
    challenge: str = answer.headers["www-authenticate"]
    return challenge


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
async def issuer(serve: Serve) -> Issuer:
    """The provider whose access tokens the gateway believes."""
    return await issuer_at(serve)


@pytest.fixture
def bearer(issuer: Issuer) -> MakeToken:
    """`bearer("reader", "shop")`: the Authorization header of a client that calls on somebody's behalf."""
    return issuer.bearer


@pytest.fixture
def told_to(token_settings: TokenSettings) -> ToldTo:
    """`told_to(exchange, "things")`: the identity of which a service was told by the only token it got."""

    def told(exchange: Exchange, audience: str) -> Identity:
        (header,) = exchange.all(b"authorization")
        return Verifier(token_settings, audience).caller(header.decode())

    return told


@pytest.fixture
async def open_gateway(serve: Serve, signing_key: str, issuer: Issuer) -> AsyncIterator[OpenGateway]:
    """`http = await open_gateway(routes, things=url)`: its client; `explains=True` lets it look inside."""
    clients: list[httpx.AsyncClient] = []

    async def open_gateway(
        routes: str, *, explains: bool = False, valkey_url: str = "off", **services: str
    ) -> httpx.AsyncClient:
        gateway = gateway_of(
            routes, services, key=signing_key, issuer=issuer, explains=explains, valkey_url=valkey_url
        )
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
