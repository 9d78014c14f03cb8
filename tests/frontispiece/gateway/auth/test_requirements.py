"""What routes ask of users beside scopes: claims, the kind of their login, and how long ago it was."""

import time
from typing import Any

import pytest

from tests.frontispiece.conftest import assert_refused
from tests.support.issuer import Issuer
from tests.support.stub import Stub
from tests.support.tables import errors_of, parsed, route, route_table
from tests.support.world import OpenWorld

PASS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"groups": "staff"}, {"groups": ["readers", "staff"]}),
    ({"groups": ["editors", "staff"]}, {"groups": ["staff"]}),
    ({"tenant": "press"}, {"tenant": "press"}),
    ({"email_verified": True}, {"email_verified": True}),
    ({"level": [2, 3]}, {"level": 3}),
    ({"realm_access.roles": "editor"}, {"realm_access": {"roles": ["editor"]}}),
    ({"https://press.example/roles": "editor"}, {"https://press.example/roles": ["editor"]}),
    ({"a.b": "flat"}, {"a.b": "flat", "a": {"b": "nested"}}),
    ({"groups": "staff", "tenant": "press"}, {"groups": ["staff"], "tenant": "press"}),
]


REFUSED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"groups": "staff"}, {}),
    ({"groups": "staff"}, {"groups": []}),
    ({"groups": "staff"}, {"groups": "staff readers"}),
    ({"groups": "staff"}, {"groups": ["Staff", "staffing"]}),
    ({"groups": "staff"}, {"groups": {"staff": True}}),
    ({"groups": "staff"}, {"groups": [["staff"]]}),
    ({"email_verified": True}, {"email_verified": 1}),
    ({"email_verified": True}, {"email_verified": "true"}),
    ({"level": 1}, {"level": True}),
    ({"realm_access.roles": "editor"}, {"realm_access": ["editor"]}),
    ({"realm_access.roles": "editor"}, {"realm_access": {"roles": {"editor": 1}}}),
    ({"groups": "staff", "tenant": "press"}, {"groups": ["staff"], "tenant": "bindery"}),
]


@pytest.mark.parametrize(("cases", "status"), [(PASS, 200), (REFUSED, 403)], ids=["pass", "refused"])
async def test_a_user_with_the_claims_passes_and_others_are_refused(
    open_world: OpenWorld, issuer: Issuer, cases: Any, status: int
) -> None:
    routes = [route(f"/{n}", auth="bearer", claims=rules) for n, (rules, _) in enumerate(cases)]
    http = (await open_world(route_table(*routes))).http

    for n, (_, claims) in enumerate(cases):
        response = await http.get(f"/{n}", headers=issuer.bearer("reader", **claims))
        assert response.status_code == status, cases[n]


async def test_a_refusal_names_the_claim_and_not_its_values(open_world: OpenWorld, issuer: Issuer) -> None:
    table = route_table(route("/a", auth="bearer", claims={"groups": ["inner-circle"]}))
    world = await open_world(table, things=Stub())
    refused = await world.http.get("/a", headers=issuer.bearer("reader"))

    assert (refused.status_code, refused.json()["claim"]) == (403, "groups")
    assert "inner-circle" not in refused.text
    assert not world.things.requests


async def test_an_old_login_gets_a_challenge_to_be_renewed(open_world: OpenWorld, issuer: Issuer) -> None:
    world = await open_world(route_table(route("/a", auth="bearer", max_age="5m")), things=Stub())
    now = int(time.time())
    recent, exact = issuer.bearer("reader", auth_time=now), issuer.bearer("reader", auth_time=now - 200)
    assert [(await world.http.get("/a", headers=h)).status_code for h in (recent, exact)] == [200, 200]

    for auth_time in (now - 301, 0, None):
        refused = await world.http.get("/a", headers=issuer.bearer("reader", auth_time=auth_time))
        challenge = assert_refused(refused, 401, "insufficient-user-authentication")
        assert challenge.startswith('Bearer error="insufficient_user_authentication", error_description="')
        assert challenge.endswith(', max_age="300"')
        assert refused.json()["max_age"] == "300"


async def test_a_login_of_another_kind_is_required(open_world: OpenWorld, issuer: Issuer) -> None:
    table = route_table(route("/a", auth="bearer", acr_values=["urn:mfa", "urn:phishing-resistant"]))
    world = await open_world(table, things=Stub())
    strong = issuer.bearer("reader", acr="urn:phishing-resistant")
    assert (await world.http.get("/a", headers=strong)).status_code == 200

    for acr in ("urn:password", None, ["urn:mfa"], "urn:mfa urn:phishing-resistant"):
        refused = await world.http.get("/a", headers=issuer.bearer("reader", acr=acr))
        challenge = assert_refused(refused, 401, "insufficient-user-authentication")
        assert challenge.endswith(', acr_values="urn:mfa urn:phishing-resistant"')


async def test_a_login_that_is_still_to_come_makes_the_token_invalid(
    open_world: OpenWorld, issuer: Issuer
) -> None:
    world = await open_world(route_table(route("/a", auth="bearer", max_age="5m")), things=Stub())
    now = int(time.time())

    for auth_time in (now + 100, now * 1000):  # the latter in milliseconds
        refused = await world.http.get("/a", headers=issuer.bearer("reader", auth_time=auth_time))

        assert 'error="invalid_token"' in assert_refused(refused, 401, "token-invalid"), auth_time


async def test_a_login_at_no_time_makes_the_token_invalid(open_world: OpenWorld, issuer: Issuer) -> None:
    world = await open_world(route_table(route("/a", auth="bearer", max_age="5m")), things=Stub())

    for auth_time in [10**400, 1e400, float("nan"), "yesterday", True, [1]]:
        refused = await world.http.get("/a", headers=issuer.bearer("reader", auth_time=auth_time))

        assert 'error="invalid_token"' in assert_refused(refused, 401, "token-invalid"), auth_time


@pytest.mark.parametrize("key", [{"claims": {"a": "b"}}, {"acr_values": ["a"]}, {"max_age": "5m"}])
def test_rules_are_for_users(key: dict[str, Any]) -> None:
    (name,) = key

    (guests,) = errors_of(route("/a", auth="bearer", guest=True, **key))
    assert f"guest lets callers in without {name}" in guests
    (anonymous,) = errors_of(route("/a", auth="none", **key))
    assert f"{name} asks for a user" in anonymous


@pytest.mark.parametrize(
    "key",
    [
        {"claims": {"a": []}},
        {"claims": {"a": 1.5}},
        {"claims": {"a": {}}},
        {"acr_values": ["a b"]},
        {"max_age": "0s"},
    ],
)
def test_rules_that_cannot_be_met_are_refused(key: dict[str, Any]) -> None:
    (name,) = key

    assert any(name in error for error in errors_of(route("/a", auth="bearer", **key)))


def test_one_value_is_a_list_of_one() -> None:
    (single,) = parsed(route("/a", auth="bearer", claims={"groups": "staff"})).routes
    (listed,) = parsed(route("/a", auth="bearer", claims={"groups": ["staff"]})).routes

    assert single == listed
