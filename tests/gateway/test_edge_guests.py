"""Guests, services that ask for credentials themselves, and what operators see of all who call."""

import asyncio

import httpx
import pytest
from prometheus_client import generate_latest

from kit.settings import TokenSettings
from kit.tokens import NOBODY, InvalidToken, Verifier
from tests.conftest import MakeToken
from tests.gateway.conftest import READER, Edge, OpenGateway, ToldTo, assert_refused
from tests.support.gateways import gateway_of
from tests.support.issuer import Issuer
from tests.support.serving import Serve, client_of
from tests.support.stub import Stub

GUESTS = """
[services.things]
url = "registry://things"
audience = "the-things"

[[routes]]
path = "/shown"
methods = ["GET", "POST"]
to = "things"
auth = "bearer"
guest = true
scopes = ["shop"]
limit = { rate = "2/hour", by = "user" }

[[routes]]
path = "/login/{rest:path}"
methods = ["GET", "POST"]
to = "things:/{rest}"
auth = "service"
"""


_mounted: list[Stub] = []


def mounted() -> Stub:
    """An app that is mounted in the gateway's process: the latest."""
    _mounted.append(Stub())
    return _mounted[-1]


async def test_a_service_that_is_mounted_is_told_as_one_that_stands_alone(
    open_gateway: OpenGateway, bearer: MakeToken, told_to: ToldTo
) -> None:
    http = await open_gateway(GUESTS, things="app://tests.gateway.test_edge_guests:mounted")

    await http.get("/shown", headers=bearer("reader", "shop"))
    assert told_to(_mounted[-1].last, "the-things") == READER


@pytest.fixture
def things() -> Stub:
    return Stub()


@pytest.fixture
async def guests(open_gateway: OpenGateway, serve: Serve, things: Stub) -> httpx.AsyncClient:
    """A gateway that shows something to guests, and hands credentials through elsewhere."""
    return await open_gateway(GUESTS, things=await serve(things))


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_guest_reads_on_behalf_of_nobody_and_needs_no_scope(
    guests: httpx.AsyncClient, things: Stub, told_to: ToldTo, method: str
) -> None:
    assert (await guests.request(method, "/shown")).status_code == 200
    assert told_to(things.last, "the-things") == NOBODY


async def test_a_guest_changes_nothing(guests: httpx.AsyncClient, things: Stub) -> None:
    assert_refused(await guests.post("/shown"), 401, "token-missing")
    assert not things.asked


async def test_somebody_with_a_wrong_token_is_no_guest(
    guests: httpx.AsyncClient, bearer: MakeToken, things: Stub
) -> None:
    for header in ("Bearer a.b.c", "Basic cmVhZGVyOng=", ""):
        assert (await guests.get("/shown", headers={"Authorization": header})).status_code == 401
    assert_refused(await guests.get("/shown", headers=bearer("reader")), 403, "scope-missing")
    assert not things.asked


@pytest.mark.parametrize("users", [True, False])
async def test_what_a_guest_is_shown_is_kept_for_no_user(
    guests: httpx.AsyncClient,
    bearer: MakeToken,
    users: bool,  # noqa: FBT001 (told by pytest)
) -> None:
    answer = await guests.get("/shown", headers=bearer("reader", "shop") if users else {})

    assert answer.headers["vary"] == "Authorization"


async def test_guests_are_counted_by_address_and_take_nothing_from_users(
    guests: httpx.AsyncClient, bearer: MakeToken
) -> None:
    as_guest = [(await guests.get("/shown")).status_code for _ in range(3)]
    as_user = [
        (await guests.get("/shown", headers=bearer("127.0.0.1", "shop"))).status_code for _ in range(3)
    ]

    assert as_guest == as_user == [200, 200, 429]


# A service that asks for credentials itself.


async def test_a_service_that_asks_for_credentials_gets_them_and_the_gateways_word_beside(
    guests: httpx.AsyncClient, things: Stub, token_settings: TokenSettings
) -> None:
    said = {
        "Authorization": "Basic cmVhZGVyOng=",
        "Cookie": "a=1; __Host-Http-session=s; b=2;__Host-Http-login-0a=l; c=__Host-Http-session=no",
        "X-Internal-Token": "forged",
    }
    await guests.post("/login/token", headers=said)

    assert things.last.path == b"/token"
    assert things.last.all(b"authorization") == [b"Basic cmVhZGVyOng="]
    assert things.last.all(b"cookie") == [b"a=1; b=2; c=__Host-Http-session=no"]
    (vouching,) = things.last.all(b"x-internal-token")
    assert Verifier(token_settings, "the-things").verify(vouching.decode()) == NOBODY
    with pytest.raises(InvalidToken):
        Verifier(token_settings, "things").verify(vouching.decode())


async def test_the_gateways_own_cookies_alone_are_no_cookies_for_a_service(
    guests: httpx.AsyncClient, things: Stub
) -> None:
    await guests.get("/login/a", headers={"Cookie": "__Host-Http-session=s; __Host-Http-login-0a=l"})

    assert things.last.all(b"cookie") == []


async def test_only_services_that_ask_for_credentials_get_the_gateways_word(
    edge: Edge, bearer: MakeToken
) -> None:
    await edge.http.get("/things/7")
    await edge.http.get("/mine", headers=bearer("reader"))

    assert all(not exchange.all(b"x-internal-token") for exchange in edge.things.asked)


# What operators see.


async def test_verdicts_are_counted_by_their_outcome(serve: Serve, issuer: Issuer, things: Stub) -> None:
    gateway = gateway_of(GUESTS, {"things": await serve(things)}, issuer=issuer)
    async with client_of(await serve(gateway)) as http:
        async with asyncio.TaskGroup() as together:
            for headers in (
                {},
                issuer.bearer("a", "shop"),
                issuer.bearer("a"),
                {"Authorization": "Bearer x"},
            ):
                together.create_task(http.get("/shown", headers=headers))
        await http.post("/shown")

    shown = {
        line
        for line in generate_latest(gateway.metrics.registry).decode().splitlines()
        if "gateway_auth" in line
    }
    assert {
        f'gateway_auth_total{{outcome="{outcome}",scheme="bearer"}} 1.0'
        for outcome in ("guest", "passed", "scope-missing", "token-invalid", "token-missing")
    } <= shown
