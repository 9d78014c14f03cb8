"""Who may pass: told at the gateway once, and told on to every service in the gateway's own words."""

import asyncio
import time
from collections.abc import Callable

import httpx
import pytest
from prometheus_client import generate_latest

from kit.problems import Problem
from kit.settings import TokenSettings
from kit.tokens import NOBODY, Identity, InvalidToken, Signer, Verifier
from tests.conftest import MakeToken
from tests.gateway.conftest import Edge, OpenGateway, ToldTo
from tests.support.gateways import gateway_of
from tests.support.issuer import Issuer
from tests.support.serving import Serve, client_of
from tests.support.stub import Stub

PROBLEM = "urn:frontispiece:problem:"

READER = Identity(subject="reader", scopes=frozenset({"shop"}), client="mobile")

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


def assert_refused(answer: httpx.Response, status: int, kind: str) -> str:
    """The answer is this problem; gives its challenge."""
    assert (answer.status_code, answer.json()["type"]) == (status, PROBLEM + kind)
    challenge: str = answer.headers["www-authenticate"]
    return challenge


@pytest.fixture
def internal(signing_key: str) -> Callable[[Identity, str], dict[str, str]]:
    """A header with a token as only the gateway makes them."""
    signer = Signer(signing_key, "gateway")
    return lambda identity, audience: {"Authorization": signer.authorization(identity, audience).decode()}


async def test_an_open_route_asks_for_nothing_and_passes_no_credentials_on(
    edge: Edge, bearer: MakeToken, internal: Callable[[Identity, str], dict[str, str]]
) -> None:
    forged = {"Authorization": "Bearer nonsense"}
    for headers in (bearer("reader", "shop"), internal(READER, "things"), forged):
        answer = await edge.http.get("/things/7", headers={**headers, "Cookie": "session=1"})
        assert answer.status_code == 200
        assert edge.things.last.all(b"authorization") == edge.things.last.all(b"cookie") == []


async def test_a_true_token_passes_and_its_service_is_told_by_one_of_the_gateways(
    edge: Edge, bearer: MakeToken, told_to: ToldTo
) -> None:
    token = bearer("reader", "shop")

    assert (await edge.http.get("/mine", headers={**token, "Cookie": "session=1"})).status_code == 200
    assert told_to(edge.things.last, "things") == READER
    assert token["Authorization"].encode() not in dict(edge.things.last.headers).values()
    assert edge.things.last.all(b"cookie") == []


async def test_a_token_for_one_service_is_worth_nothing_at_another(
    edge: Edge, bearer: MakeToken, told_to: ToldTo
) -> None:
    await edge.http.get("/mine", headers=bearer("reader"))

    with pytest.raises(Problem, match="udience"):
        told_to(edge.things.last, "gone")


async def test_a_service_is_told_by_one_token_as_long_as_it_lasts(edge: Edge, bearer: MakeToken) -> None:
    for _ in range(2):
        await edge.http.get("/mine", headers=bearer("reader"))
        await edge.http.get("/mine", headers=bearer("clerk"))

    reader, clerk, again, clerk_again = (exchange.all(b"authorization") for exchange in edge.things.asked)
    assert (reader, clerk) == (again, clerk_again)
    assert reader != clerk


@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic cmVhZGVyOng=", "Token abc"])
async def test_without_a_bearer_token_one_is_asked_for(edge: Edge, header: str | None) -> None:
    answer = await edge.http.get("/mine", headers={"Authorization": header} if header is not None else {})

    assert assert_refused(answer, 401, "token-missing") == "Bearer"
    assert not edge.things.asked


async def test_a_token_needs_every_scope_of_the_route_and_is_told_which_are_missing(
    edge: Edge, bearer: MakeToken
) -> None:
    some = await edge.http.post("/mine/written", headers=bearer("reader", "shop", "other"))
    none = await edge.http.post("/mine/written", headers=bearer("reader"))
    every = await edge.http.post("/mine/written", headers=bearer("clerk", "shop", "things:write", "other"))

    assert every.status_code == 200
    assert len(edge.things.asked) == 1
    challenge = assert_refused(some, 403, "scope-missing")
    assert challenge == 'Bearer error="insufficient_scope", scope="things:write"'
    assert some.json()["scope"] == "things:write"
    assert assert_refused(none, 403, "scope-missing").endswith('scope="shop things:write"')


async def test_what_is_wrong_with_a_token_is_told_in_the_words_of_rfc_6750(
    edge: Edge, issuer: Issuer
) -> None:
    for header, why in [
        (issuer.bearer("reader", exp=int(time.time()) - 60), "The token has expired"),
        (issuer.bearer("reader", aud="another-shop"), "The token is for another audience"),
        ({"Authorization": "Bearer a.b.c"}, "The token is not valid: "),
    ]:
        answer = await edge.http.get("/mine", headers=header)
        challenge = assert_refused(answer, 401, "token-invalid")
        assert challenge.startswith(f'Bearer error="invalid_token", error_description="{why}')
        assert challenge.count('"') == 4
        assert answer.json()["detail"].startswith(why)
    assert not edge.things.asked


async def test_a_token_of_letters_beyond_ascii_is_refused(edge: Edge) -> None:
    answer = await edge.http.get("/mine", headers={b"Authorization": "Bearer é.ü.ß".encode("latin-1")})

    assert_refused(answer, 401, "token-invalid")


async def test_an_internal_token_from_outside_is_refused_where_a_token_is_asked_for(
    edge: Edge, internal: Callable[[Identity, str], dict[str, str]]
) -> None:
    for audience in ("things", "shop", "gateway"):
        answer = await edge.http.get("/mine", headers=internal(READER, audience))
        assert "of another kind" in assert_refused(answer, 401, "token-invalid")


async def test_of_several_tokens_only_the_first_counts(edge: Edge, bearer: MakeToken) -> None:
    true, other = bearer("reader")["Authorization"], "Bearer another"

    passed = await edge.http.get("/mine", headers=[("Authorization", true), ("Authorization", other)])
    refused = await edge.http.get("/mine", headers=[("Authorization", other), ("Authorization", true)])

    assert (passed.status_code, refused.status_code) == (200, 401)
    (asked,) = edge.things.asked
    assert len(asked.all(b"authorization")) == 1


async def test_a_token_in_the_query_or_a_cookie_counts_for_nothing(edge: Edge, issuer: Issuer) -> None:
    token = issuer.token("reader")

    in_query = await edge.http.get("/mine", params={"access_token": token})
    in_cookie = await edge.http.get("/mine", headers={"Cookie": f"access_token={token}"})

    assert (in_query.status_code, in_cookie.status_code) == (401, 401)


async def test_the_scheme_may_be_written_in_any_case(edge: Edge, issuer: Issuer) -> None:
    headers = {"Authorization": f"bEARER {issuer.token('reader')}"}

    assert (await edge.http.get("/mine", headers=headers)).status_code == 200


# Guests.


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
