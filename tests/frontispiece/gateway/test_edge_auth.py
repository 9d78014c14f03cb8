"""Bearer authentication, and the internal tokens that services get."""

import base64
import time
from collections.abc import Callable

import pytest

from frontispiece.http.problems import Problem
from frontispiece.security import Identity, Signer
from tests.conftest import MakeToken
from tests.frontispiece.conftest import READER, IdentityIn, assert_refused
from tests.support.issuer import Issuer
from tests.support.stub import answering
from tests.support.tables import route, route_table
from tests.support.world import OpenWorld, World


@pytest.fixture
def internal(signing_key: str) -> Callable[[Identity, str], dict[str, str]]:
    """A header with a token as only the gateway makes them."""
    signer = Signer(signing_key, "gateway")
    return lambda identity, audience: {"Authorization": signer.authorization(identity, audience).decode()}


async def test_an_open_route_asks_for_nothing_and_passes_no_credentials_on(
    edge: World, bearer: MakeToken, internal: Callable[[Identity, str], dict[str, str]]
) -> None:
    forged = {"Authorization": "Bearer nonsense"}
    for headers in (bearer("reader", "shop"), internal(READER, "things"), forged):
        answer = await edge.http.get("/things/7", headers={**headers, "Cookie": "session=1"})
        assert answer.status_code == 200
        assert edge.things.last.all(b"authorization") == edge.things.last.all(b"cookie") == []


async def test_a_valid_token_passes_and_the_service_gets_an_internal_one(
    edge: World, bearer: MakeToken, identity_in: IdentityIn
) -> None:
    token = bearer("reader", "shop")

    assert (await edge.http.get("/mine", headers={**token, "Cookie": "session=1"})).status_code == 200
    assert identity_in(edge.things.last, "things") == READER
    assert token["Authorization"].encode() not in dict(edge.things.last.headers).values()
    assert edge.things.last.all(b"cookie") == []


async def test_a_connection_that_repeats_its_headers_brings_credentials_to_no_service(
    open_world: OpenWorld, bearer: MakeToken
) -> None:
    routes = route_table(route("/open"), route("/mine", auth="bearer"), route("/past", auth="passthrough"))
    edge = await open_world(routes)
    for subject in ("reader", "writer"):
        sent = {**bearer(subject, "shop"), "X-Last": subject}
        token = sent["Authorization"].encode()
        for path in ["/open", "/mine", "/past"] * 3:
            assert (await edge.http.get(path, headers={"Cookie": "session=1", **sent})).status_code == 200
            got = edge.things.last
            assert (token in dict(got.headers).values()) is (path == "/past")
            assert len(got.all(b"authorization")) == (path != "/open")
            assert got.all(b"cookie") == ([b"session=1"] if path == "/past" else [])
            assert (len(got.all(b"host")), got.all(b"x-last")) == (1, [subject.encode()])


async def test_an_internal_token_has_one_audience(
    edge: World, bearer: MakeToken, identity_in: IdentityIn
) -> None:
    await edge.http.get("/mine", headers=bearer("reader"))

    with pytest.raises(Problem, match="udience"):
        identity_in(edge.things.last, "gone")


async def test_without_a_bearer_token_there_is_a_challenge(edge: World) -> None:
    for header in [None, "", "Bearer", "Basic cmVhZGVyOng=", "Token abc"]:
        answer = await edge.http.get("/mine", headers={"Authorization": header} if header is not None else {})

        assert assert_refused(answer, 401, "token-missing") == "Bearer"
        assert not edge.things.requests, header


@pytest.mark.parametrize(
    ("given", "sent"),
    [([], "Bearer"), ([""], "Bearer"), (["", "Negotiate"], None), (["Basic realm=x", "Negotiate"], None)],
)
async def test_a_401_of_a_service_has_its_challenges_or_one(
    edge: World, given: list[str], sent: str | None
) -> None:
    edge.things.answer = answering(401, b"", *((b"www-authenticate", each.encode()) for each in given))

    answer = await edge.http.get("/things/7")

    assert answer.headers.get_list("www-authenticate") == ([sent] if sent else given)


async def test_a_token_needs_every_scope_of_the_route(edge: World, bearer: MakeToken) -> None:
    some = await edge.http.post("/mine/written", headers=bearer("reader", "shop", "other"))
    none = await edge.http.post("/mine/written", headers=bearer("reader"))
    every = await edge.http.post("/mine/written", headers=bearer("clerk", "shop", "things:write", "other"))

    assert every.status_code == 200
    assert len(edge.things.requests) == 1
    challenge = assert_refused(some, 403, "scope-missing")
    assert challenge == 'Bearer error="insufficient_scope", scope="things:write"'
    assert some.json()["scope"] == "things:write"
    assert assert_refused(none, 403, "scope-missing").endswith('scope="shop things:write"')


async def test_an_invalid_token_gets_a_challenge_of_rfc_6750(edge: World, issuer: Issuer) -> None:
    digits = base64.urlsafe_b64encode(b'{"alg":' + b"9" * 5_000 + b"}").decode().rstrip("=")
    for header, why in [
        (issuer.bearer("reader", exp=int(time.time()) - 60), "The token has expired"),
        (issuer.bearer("reader", aud="another-shop"), "The token is for another audience"),
        ({"Authorization": "Bearer a.b.c"}, "The token is not valid: it cannot be decoded"),
        ({"Authorization": f"Bearer {digits}.e30.c"}, "The token is not valid: it cannot be decoded"),
        (
            {"Authorization": issuer.bearer("reader")["Authorization"] + "AAAA"},
            "The token is not valid: its signature",
        ),
    ]:
        answer = await edge.http.get("/mine", headers=header)
        challenge = assert_refused(answer, 401, "token-invalid")
        assert challenge.startswith(f'Bearer error="invalid_token", error_description="{why}')
        assert challenge.count('"') == 4
        assert answer.json()["detail"].startswith(why)
    assert not edge.things.requests


async def test_a_token_of_letters_beyond_ascii_is_refused(edge: World) -> None:
    answer = await edge.http.get("/mine", headers={b"Authorization": "Bearer é.ü.ß".encode("latin-1")})

    assert_refused(answer, 401, "token-invalid")


async def test_an_internal_token_from_outside_is_refused_where_a_token_is_required(
    edge: World, internal: Callable[[Identity, str], dict[str, str]]
) -> None:
    for audience in ("things", "shop", "gateway"):
        answer = await edge.http.get("/mine", headers=internal(READER, audience))
        assert "of another type" in assert_refused(answer, 401, "token-invalid")


async def test_a_request_with_two_tokens_is_refused(edge: World, bearer: MakeToken) -> None:
    true, other = bearer("reader")["Authorization"], "Bearer another"

    for pair in ((true, other), (other, true), (true, true)):
        refused = await edge.http.get("/mine", headers=[("Authorization", each) for each in pair])
        assert (refused.status_code, "Authorization" in refused.json()["detail"]) == (400, True)

    assert edge.things.requests == []


async def test_a_token_in_the_query_or_a_cookie_counts_for_nothing(edge: World, issuer: Issuer) -> None:
    token = issuer.token("reader")

    in_query = await edge.http.get("/mine", params={"access_token": token})
    in_cookie = await edge.http.get("/mine", headers={"Cookie": f"access_token={token}"})

    assert (in_query.status_code, in_cookie.status_code) == (401, 401)


async def test_a_protected_resource_may_take_tokens_for_itself_alone(
    open_world: OpenWorld, issuer: Issuer
) -> None:
    tools = route("/tools", auth="bearer", protected_resource={"name": "Tools", "require_audience": True})
    routes = route_table(tools, route("/mine", auth="bearer"))
    world = await open_world(routes, origins=["https://shop.example"])
    general = issuer.bearer("reader")
    special = issuer.bearer("reader", aud="https://shop.example/tools")

    for _ in range(2):  # what one route has verified is no proof at the other
        for headers, statuses in ((general, [401, 200]), (special, [200, 401])):
            answers = [await world.http.get(path, headers=headers) for path in ("/tools", "/mine")]
            assert [answer.status_code for answer in answers] == statuses


async def test_guests_call_by_the_methods_that_a_route_names(open_world: OpenWorld) -> None:
    routes = route_table(
        route("/found", auth="bearer", guest=True, guest_methods=["POST"], methods=["POST", "PUT"]),
        route("/kept", auth="bearer", guest=True, methods=["POST"]),
    )
    world = await open_world(routes)

    calls = (("POST", "/found", 200), ("PUT", "/found", 401), ("POST", "/kept", 401))
    for method, path, status in calls:
        assert (await world.http.request(method, path)).status_code == status, (method, path)
