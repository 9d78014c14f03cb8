"""ID tokens and logout tokens: each for this client, of this login, of this moment, and nothing else."""

import time
from typing import Any

import pytest

from gateway.oidc import Provider
from gateway.oidc.claims import LOGOUT_EVENT
from kit.tokens import InvalidToken
from tests.support.issuer import Issuer

JWT = {"typ": "JWT"}


def id_token(issuer: Issuer, headers: dict[str, Any] | None = None, **changed: Any) -> str:
    usual: dict[str, Any] = {"aud": "web", "nonce": "n", "client_id": None, "scope": None, "at_hash": "h"}
    claims = issuer.claims("reader", **{**usual, **changed})
    return issuer.signed(claims, headers={**JWT, **(headers or {})})


def logout_token(issuer: Issuer, headers: dict[str, Any] | None = None, **changed: Any) -> str:
    usual: dict[str, Any] = {"aud": "web", "client_id": None, "scope": None, "events": {LOGOUT_EVENT: {}}}
    claims = issuer.claims("reader", **{**usual, **changed})
    return issuer.signed(claims, headers={"typ": "logout+jwt", **(headers or {})})


@pytest.mark.parametrize(
    "changed", [{}, {"aud": ["web"]}, {"aud": ["web", "other"], "azp": "web"}, {"azp": "web"}]
)
async def test_an_id_token_tells_who_logged_in(
    provider: Provider, issuer: Issuer, changed: dict[str, Any]
) -> None:
    claims = await provider.id_token(id_token(issuer, **changed), "n")

    assert (claims["sub"], claims["sid"]) == ("reader", "sid-of-reader")


async def test_after_a_refresh_an_id_token_needs_no_nonce(provider: Provider, issuer: Issuer) -> None:
    assert (await provider.id_token(id_token(issuer, nonce=None), None))["sub"] == "reader"


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"aud": "mobile"}, "another audience"),
        ({"aud": ["web", "other"]}, "another client"),
        ({"azp": "mobile"}, "another client"),
        ({"azp": ["web"]}, "another client"),
        ({"nonce": "m"}, "another login"),
        ({"nonce": None}, "another login"),
        ({"sub": ""}, "no subject"),
        ({"sub": None}, "no subject"),
        ({"iss": "https://another.example"}, "another issuer"),
        ({"exp": int(time.time()) - 60}, "expired"),
        ({"headers": {"typ": "at+jwt"}}, "another kind"),
        ({"headers": {"typ": "logout+jwt"}}, "another kind"),
    ],
)
async def test_an_id_token_that_is_not_of_this_login_is_refused(
    provider: Provider, issuer: Issuer, changed: dict[str, Any], why: str
) -> None:
    with pytest.raises(InvalidToken, match=why):
        await provider.id_token(id_token(issuer, **changed), "n")


@pytest.mark.parametrize("typ", ["logout+jwt", "JWT", "application/logout+jwt", None])
async def test_a_logout_token_tells_who_is_logged_out(
    provider: Provider, issuer: Issuer, typ: str | None
) -> None:
    token = logout_token(issuer, headers={"typ": typ}, jti="j", aud=["web", "other"])
    told = await provider.logout_token(token, {"web", "mobile"})

    assert (told.sub, told.sid, told.jti) == ("reader", "sid-of-reader", "j")
    assert told.audience == {"web", "other"}


async def test_a_logout_token_may_name_a_login_or_a_user_alone(provider: Provider, issuer: Issuer) -> None:
    of_login = await provider.logout_token(logout_token(issuer, sub=None, sid="s"), {"web"})
    of_user = await provider.logout_token(logout_token(issuer, sid=None), {"web"})

    assert (of_login.sub, of_login.sid) == (None, "s")
    assert (of_user.sub, of_user.sid) == ("reader", None)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"events": None}, "tells of no logout"),
        ({"events": {}}, "tells of no logout"),
        ({"events": {LOGOUT_EVENT: True}}, "tells of no logout"),
        ({"events": [LOGOUT_EVENT]}, "tells of no logout"),
        ({"nonce": "n"}, "an ID token"),
        ({"aud": "another"}, "another audience"),
        ({"sub": None, "sid": None}, "names nobody"),
        ({"sid": 7}, "sid is no text"),
        ({"jti": None}, "no jti"),
        ({"iat": int(time.time()) - 3600}, "too old"),
        ({"iat": None}, "no iat"),
        ({"exp": None}, "no exp"),
        ({"exp": int(time.time()) - 60}, "expired"),
        ({"iss": "https://another.example"}, "another issuer"),
        ({"headers": {"typ": "at+jwt"}}, "another kind"),
    ],
)
async def test_what_is_no_logout_token_logs_nobody_out(
    provider: Provider, issuer: Issuer, changed: dict[str, Any], why: str
) -> None:
    with pytest.raises(InvalidToken, match=why):
        await provider.logout_token(logout_token(issuer, **changed), {"web", "mobile"})


async def test_no_token_is_taken_for_another(provider: Provider, issuer: Issuer) -> None:
    access, of_id, of_logout = issuer.token("reader", "shop"), id_token(issuer), logout_token(issuer)
    tokens = provider.access_tokens()

    for wrong in (of_id, of_logout):
        with pytest.raises(InvalidToken):
            await tokens.identity(wrong)
    for wrong in (access, of_logout):
        with pytest.raises(InvalidToken):
            await provider.id_token(wrong, None)
    for wrong in (access, of_id):
        with pytest.raises(InvalidToken):
            await provider.logout_token(wrong, {"web", "shop"})
