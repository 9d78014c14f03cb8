"""Who may pass: told at the gateway once, and told on to every service in the gateway's own words."""

import time
from collections.abc import Callable

import pytest

from kit.problems import Problem
from kit.tokens import Identity, Signer
from tests.conftest import MakeToken
from tests.gateway.conftest import READER, Edge, ToldTo, assert_refused
from tests.support.issuer import Issuer


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
