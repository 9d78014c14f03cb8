"""A gateway on a real socket in front of real upstreams."""

from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from frontispiece import telemetry
from frontispiece.security import Identity, Verifier
from frontispiece.settings import TokenSettings
from tests.conftest import MakeToken
from tests.support.issuer import Issuer, issuer_at
from tests.support.otlp import Collector
from tests.support.serving import Serve
from tests.support.stub import Exchange
from tests.support.tables import route, route_table
from tests.support.world import OpenWorld, World, worlds

EDGE_ROUTES = (
    route("/things/{id}", to="things:/inner/{id}"),
    route("/things/{id}", to="things:/inner/{id}", methods=["PUT", "POST"]),
    route("/files/{rest:path}"),
    route("/mine", auth="bearer"),
    route("/mine/written", auth="bearer", methods=["POST"], scopes=["things:write", "shop"]),
    route("/hasty", methods=["GET", "POST"], timeout="100ms"),
    route("/gone", to="gone"),
)
ROUTES = route_table(*EDGE_ROUTES)

PROBLEM = "urn:frontispiece:problem:"

READER = Identity(subject="reader", scopes=frozenset({"shop"}), client="mobile")
"""The identity in `bearer("reader", "shop")`."""

IdentityIn = Callable[[Exchange, str], Identity]


def assert_problem(answer: httpx.Response, status: int, kind: str) -> None:
    """The answer is a problem of this kind, which names the request as its header does."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    problem = answer.json()
    assert (problem["status"], problem["type"]) == (status, PROBLEM + kind)
    assert problem["request_id"] == answer.headers["x-request-id"]


def assert_refused(answer: httpx.Response, status: int, kind: str) -> str:
    """The answer is this problem; gives its challenge."""
    assert (answer.status_code, answer.json()["type"]) == (status, PROBLEM + kind)
    challenge: str = answer.headers["www-authenticate"]
    return challenge


@pytest.fixture
async def issuer(serve: Serve) -> Issuer:
    """The provider whose access tokens the gateway believes."""
    return await issuer_at(serve)


@pytest.fixture
def bearer(issuer: Issuer) -> MakeToken:
    """`bearer("reader", "shop")`: the Authorization header of a client that calls on somebody's behalf."""
    return issuer.bearer


@pytest.fixture
def identity_in(token_settings: TokenSettings) -> IdentityIn:
    """`identity_in(exchange, "things")`: the identity in the only token that a service got."""

    def identity(exchange: Exchange, audience: str) -> Identity:
        (header,) = exchange.all(b"authorization")
        return Verifier(token_settings, audience).caller(header.decode())

    return identity


@pytest.fixture
async def open_world(serve: Serve, signing_key: str, issuer: Issuer) -> AsyncIterator[OpenWorld]:
    """`world = await open_world(routes, things=app)`: a gateway with this table, in front of stubs."""
    async with worlds(serve, key=signing_key, issuer=issuer) as open_world:
        yield open_world


@pytest.fixture
async def edge(open_world: OpenWorld) -> World:
    """The gateway with `ROUTES`, in front of `things`."""
    return await open_world(ROUTES)


@pytest.fixture
async def collector(monkeypatch: pytest.MonkeyPatch, serve: Serve) -> Collector:
    """Traces are on, and come here."""
    collector = Collector()
    monkeypatch.setenv(telemetry.ENDPOINTS[0], await serve(collector))
    return collector
