"""ID tokens and logout tokens: each for this client, of this login, of this moment, and nothing else."""

from typing import Any

import pytest

from frontispiece.gateway.auth.oidc import Provider
from frontispiece.gateway.auth.oidc.claims import LOGOUT_EVENT
from frontispiece.security import InvalidToken
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


async def test_an_id_token_has_the_user(provider: Provider, issuer: Issuer) -> None:
    cases: list[dict[str, Any]] = [
        {},
        {"aud": ["web"]},
        {"aud": ["web", "other"], "azp": "web"},
        {"azp": "web"},
    ]
    for changed in cases:
        claims = await provider.id_token(id_token(issuer, **changed), "n")

        assert (claims["sub"], claims["sid"]) == ("reader", "sid-of-reader"), changed


async def test_after_a_refresh_an_id_token_needs_no_nonce(provider: Provider, issuer: Issuer) -> None:
    assert (await provider.id_token(id_token(issuer, nonce=None), None))["sub"] == "reader"


async def test_a_logout_token_has_the_user(provider: Provider, issuer: Issuer) -> None:
    for typ in ["logout+jwt", "JWT", "application/logout+jwt", None]:
        token = logout_token(issuer, headers={"typ": typ}, jti="j", aud=["web", "other"])
        told = await provider.logout_token(token, {"web", "mobile"})

        assert (told.sub, told.sid, told.jti) == ("reader", "sid-of-reader", "j"), typ


async def test_a_logout_token_may_name_a_login_or_a_user_alone(provider: Provider, issuer: Issuer) -> None:
    of_login = await provider.logout_token(logout_token(issuer, sub=None, sid="s"), {"web"})
    of_user = await provider.logout_token(logout_token(issuer, sid=None), {"web"})

    assert (of_login.sub, of_login.sid) == (None, "s")
    assert (of_user.sub, of_user.sid) == ("reader", None)


async def test_no_token_is_taken_for_another(provider: Provider, issuer: Issuer) -> None:
    access, of_id, of_logout = issuer.token("reader", "shop"), id_token(issuer), logout_token(issuer)
    tokens = provider.access_tokens()

    for wrong in (of_id, of_logout):
        with pytest.raises(InvalidToken):
            await tokens.verify(wrong)
    for wrong in (access, of_logout):
        with pytest.raises(InvalidToken):
            await provider.id_token(wrong, None)
    for wrong in (access, of_id):
        with pytest.raises(InvalidToken):
            await provider.logout_token(wrong, {"web", "shop"})
