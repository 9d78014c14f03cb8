"""Verified access tokens are found by the raw field value, and by nothing else; none outlives its expiry."""

import pytest

from frontispiece.gateway.auth.oidc import AccessTokens, Provider, access_tokens
from tests.support.clock import Clock
from tests.support.issuer import Issuer, IssuerKey, authorization
from tests.support.waiting import until
from tests.support.world import World


async def test_a_verified_token_is_found_by_the_field_as_it_came(
    access: AccessTokens, issuer: Issuer
) -> None:
    token = issuer.token("reader", "shop")
    verified = await access.verify(token)

    assert access.cached(b"Bearer " + token.encode()) is verified
    for other in (b"", token.encode(), b"Bearer " + token.encode() + b"A", b"Basic " + token.encode()):
        assert access.cached(other) is None


async def test_what_was_cached_is_gone_when_its_login_or_its_user_has_ended(
    access: AccessTokens, issuer: Issuer
) -> None:
    by_login, by_user, stays = issuer.token("a", sid="1"), issuer.token("b"), issuer.token("c")
    for token in (by_login, by_user, stays):
        await access.verify(token)

    access.evict(sid="1")
    access.evict(subject="b")

    assert [access.cached(authorization(token)) is None for token in (by_login, by_user, stays)] == [
        True,
        True,
        False,
    ]


async def test_what_was_cached_is_gone_when_its_key_is_another_under_the_same_id(
    edge: World, issuer: Issuer
) -> None:
    stolen, compromised = issuer.bearer("reader"), issuer.signer
    assert (await edge.http.get("/mine", headers=stolen)).status_code == 200
    issuer.forget(compromised)
    successor = IssuerKey("EdDSA", IssuerKey.new().private, compromised.id)
    issuer.keys = [successor.public_jwk]
    issuer.rotate(issuer.announce())
    assert (await edge.http.get("/mine", headers=issuer.bearer("reader"))).status_code == 200

    assert (await edge.http.get("/mine", headers=stolen)).status_code == 401


async def test_no_token_is_in_memory_after_it_has_expired(
    access: AccessTokens, issuer: Issuer, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_tokens, "MIN_SWEEP_INTERVAL", 0.01)
    skew = issuer.settings.clock_skew
    await access.verify(issuer.token("reader", exp=clock.now - skew + 0.01))
    await access.verify(issuer.token("clerk"))
    assert len(access) == 2

    clock.advance(0.01)
    await until(lambda: len(access) == 1)


async def test_the_cache_is_bounded(
    provider: Provider, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_tokens, "CACHE_SIZE", 2)
    access, tokens = provider.access_tokens(), [issuer.token(f"reader-{n}") for n in range(3)]
    for token in tokens:
        await access.verify(token)

    assert [access.cached(authorization(token)) is None for token in tokens] == [True, False, False]
