"""Signing keys: prepublished, signing, retired."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from frontispiece.security import Keyring, new_key
from frontispiece.stores.sql import Database
from services.identity.errors import KeyUnreadable
from services.identity.protocol.signing_keys import SigningKeys
from services.identity.tables import metadata
from tests.services.identity.conftest import MakeSettings, on_both_databases
from tests.services.identity.world import world
from tests.support.clock import START, Clock

RING = new_key()
LAST, ANNOUNCED, SIGNED_LASTS = 1000.0, 100.0, 300.0


@pytest.fixture
async def database(identity_url: str) -> AsyncIterator[Database]:
    async with Database(identity_url, metadata) as database:
        yield database


@pytest.fixture
def clock() -> Clock:
    return Clock(START)


def keys(database: Database, clock: Clock, **changes: Any) -> SigningKeys:
    """The keys as one process sees them."""
    given: dict[str, Any] = {
        "keyring": Keyring([RING]),
        "algorithm": "EdDSA",
        "lifetime": LAST,
        "prepublish": ANNOUNCED,
        "max_token_lifetime": SIGNED_LASTS,
    }
    return SigningKeys(database, clock=clock, **(given | changes))


async def published(keys: SigningKeys) -> list[str]:
    """The ids of all that is published."""
    return [key.kid for key in await keys.published()]


@on_both_databases
async def test_a_key_is_published_before_it_signs_and_after(database: Database, clock: Clock) -> None:
    ours = keys(database, clock)
    first = (await ours.signing()).kid
    assert await published(ours) == [first]

    clock.now += LAST - ANNOUNCED
    _, second = await published(ours)
    assert (await ours.signing()).kid == first

    clock.now += ANNOUNCED - 0.1
    assert (await ours.signing()).kid == first
    clock.now += 0.1
    assert (await ours.signing()).kid == second
    clock.now += SIGNED_LASTS
    assert await published(ours) == [first, second]
    clock.now += 60
    assert await published(ours) == [second]


async def test_a_signing_key_is_always_known_in_time(database: Database, clock: Clock) -> None:
    ours, others = keys(database, clock), keys(database, clock)
    known: dict[str, float] = {}
    signed: set[str] = set()
    for _ in range(130):
        for kid in await published(others):
            known.setdefault(kid, clock.now)
        signing = (await ours.signing()).kid
        assert signing in known
        assert not signed or clock.now - known[signing] >= ANNOUNCED / 2 or signing in signed
        signed.add(signing)
        clock.now += 29

    assert len(signed) == 4


@on_both_databases
async def test_processes_that_rotate_at_once_have_the_same_key(database: Database, clock: Clock) -> None:
    several = [keys(database, clock) for _ in range(4)]
    begun = await asyncio.gather(*(one.signing() for one in several))
    clock.now += LAST - ANNOUNCED
    announced = await asyncio.gather(*(published(one) for one in several))

    assert len({key.kid for key in begun}) == 1
    assert announced == [announced[0]] * 4
    assert len(announced[0]) == 2


async def test_after_a_long_pause_the_next_key_is_prepublished(database: Database, clock: Clock) -> None:
    first = (await keys(database, clock).signing()).kid
    clock.now += 10 * LAST
    ours = keys(database, clock)

    assert (await ours.signing()).kid == first
    clock.now += ANNOUNCED
    assert (await ours.signing()).kid != first
    clock.now += SIGNED_LASTS + 59
    assert first in await published(ours)


async def test_another_algorithm_is_announced_like_any_next_key(database: Database, clock: Clock) -> None:
    await keys(database, clock).signing()
    changed = keys(database, clock, algorithm="ES256")

    assert [key.algorithm for key in await changed.published()] == ["EdDSA", "ES256"]
    assert (await changed.signing()).algorithm == "EdDSA"
    clock.now += ANNOUNCED
    assert (await changed.signing()).algorithm == "ES256"


async def test_private_keys_are_sealed_and_a_ring_can_be_changed(database: Database, clock: Clock) -> None:
    first = await keys(database, clock).signing()
    turned = keys(database, clock, keyring=Keyring([new_key(), RING]))

    assert (await turned.signing()).kid == first.kid
    assert "d" not in first.public
    with pytest.raises(KeyUnreadable, match="IDENTITY_ENCRYPTION_KEYS"):
        await keys(database, clock, keyring=Keyring([new_key()])).signing()


async def test_tokens_stay_verifiable_through_a_rotation(made: MakeSettings) -> None:
    async with world(made(key_lifetime=LAST, key_prepublish=ANNOUNCED)) as shop:
        browser = shop.browser()
        old = await shop.tokens(browser)
        shop.clock.now += LAST - ANNOUNCED
        response = await shop.http.get("/jwks")
        shop.clock.now += ANNOUNCED
        new = await shop.tokens(browser)
        kids = {key["kid"] for key in response.json()["keys"]}

        for body in (old, new):
            assert await shop.verified(body["access_token"], "shop")
        assert len(kids) == 2
        assert response.headers["cache-control"] == "public, max-age=50"
        assert all({"kty", "crv", "x", "kid", "use", "alg"} == set(key) for key in response.json()["keys"])
