"""The keys of an issuer on a real socket: read in the background, believed only while they are there."""

import logging
from collections.abc import AsyncIterator

import pytest

from gateway.oidc import AccessTokens, IssuerSettings, Provider
from kit.tokens import InvalidToken
from tests.support.issuer import Issuer
from tests.support.serving import Serve
from tests.support.waiting import until


@pytest.fixture
async def quick(serve: Serve, issuer: Issuer) -> AsyncIterator[Provider]:
    """The issuer, whose keys are read anew all the time."""
    settings = IssuerSettings(url=issuer.url).model_copy(update={"keys_every": 0.01})
    async with Provider(settings) as provider:
        yield provider


@pytest.mark.parametrize(
    "kid", ["../../etc/passwd", "' OR 1=1 --", "http://127.0.0.1/key", "a\x00b", "é" * 200]
)
async def test_an_id_of_a_key_is_compared_and_nothing_else(
    access: AccessTokens, issuer: Issuer, kid: str
) -> None:
    with pytest.raises(InvalidToken, match="not known"):
        await access.identity(issuer.token("clerk", headers={"kid": kid}))
    assert set(issuer.asked) == {"/.well-known/openid-configuration", "/keys"}


async def test_an_id_that_is_far_too_long_is_not_looked_for(access: AccessTokens, issuer: Issuer) -> None:
    await access.identity(issuer.token("reader"))
    before = len(issuer.asked)

    with pytest.raises(InvalidToken, match="not known"):
        await access.identity(issuer.token("clerk", headers={"kid": "a" * 5000}))
    assert len(issuer.asked) == before


@pytest.mark.parametrize("header", ["jku", "x5u"])
async def test_no_address_in_a_token_is_ever_asked(
    access: AccessTokens, issuer: Issuer, serve: Serve, header: str
) -> None:
    evil = Issuer()
    evil.url = await serve(evil)
    forged = issuer.token("clerk", key=evil.signer, headers={header: f"{evil.url}/keys"})

    with pytest.raises(InvalidToken):
        await access.identity(forged)
    assert evil.asked == []


async def test_a_key_that_vanished_is_believed_no_more_nor_are_verdicts_on_its_tokens(
    provider: Provider, access: AccessTokens, issuer: Issuer
) -> None:
    old = issuer.signer
    stolen = issuer.token("reader")
    await access.identity(stolen)
    issuer.rotate()
    kept = issuer.token("reader")
    await access.identity(kept)

    issuer.forget(old)
    assert access.known(stolen) is not None
    await provider.keys.refresh()

    assert access.known(stolen) is None
    assert access.known(kept) is not None
    with pytest.raises(InvalidToken, match="not known"):
        await access.identity(stolen)


async def test_the_background_reads_announced_keys_before_they_are_used(
    quick: Provider, issuer: Issuer
) -> None:
    access = quick.access_tokens()
    await access.identity(issuer.token("reader"))
    key = issuer.announce("ES256")
    reads = issuer.times_asked("/keys")
    await until(lambda: issuer.times_asked("/keys") >= reads + 3)  # the second began with it, and has ended

    issuer.rotate(key)
    issuer.is_up = False
    assert (await access.identity(issuer.token("reader"))).subject == "reader"


async def test_a_background_that_fails_warns_and_goes_on(
    quick: Provider, issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    access = quick.access_tokens()
    await access.identity(issuer.token("reader"))
    issuer.is_up = False
    with caplog.at_level(logging.WARNING):
        await until(lambda: "cannot be read" in caplog.text)

    assert (await access.identity(issuer.token("clerk"))).subject == "clerk"
