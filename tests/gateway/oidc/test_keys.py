"""The issuer's keys: found by their ids, changed unnoticed, and no way to wear the issuer out."""

import asyncio
from collections.abc import Callable

import pytest

from gateway.oidc import ProviderUnavailable
from gateway.oidc.jwks import Key, keys_in
from gateway.oidc.keys import AT_ONCE, DAY, EVERY, Keys
from kit.tokens import InvalidToken
from tests.support.issuer import IssuerKey
from tests.support.waiting import until

Clock = Callable[[], float]


class Hands:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Seconds since some moment."""
        return self.now


class Set:
    """The issuer's key set, which counts how often it is read."""

    def __init__(self, *keys: IssuerKey) -> None:
        self.keys = list(keys)
        self.read = 0
        self.is_up = True
        self.held = asyncio.Event()
        self.held.set()

    async def __call__(self) -> list[Key]:
        """Read it."""
        self.read += 1
        found = list(self.keys)
        await self.held.wait()
        if not self.is_up:
            raise ProviderUnavailable("down")
        return keys_in({"keys": [key.public_jwk for key in found]}, ["EdDSA", "ES256"])


@pytest.fixture
def hands() -> Hands:
    return Hands()


async def is_known(keys: Keys, key: IssuerKey) -> bool:
    try:
        return (await keys.key(key.id, key.algorithm)).id == key.id
    except InvalidToken:
        return False


# Known keys.


async def test_without_an_id_a_key_is_found_when_it_is_the_only_one_for_its_algorithm() -> None:
    one, other, curved = IssuerKey.new(), IssuerKey.new(), IssuerKey.new("ES256")
    single, several = Keys(Set(one, curved)), Keys(Set(one, other, curved))

    assert (await single.key(None, "EdDSA")).id == one.id
    assert (await several.key(None, "ES256")).id == curved.id
    with pytest.raises(InvalidToken, match="not known"):
        await several.key(None, "EdDSA")


async def test_two_keys_of_one_id_are_none() -> None:
    one = IssuerKey.new()
    twin = IssuerKey("EdDSA", IssuerKey.new().private, one.id)

    assert not await is_known(Keys(Set(one, twin)), one)


# Unknown keys.


async def test_an_unknown_key_is_looked_for_at_once_by_one_for_all() -> None:
    old, new = IssuerKey.new(), IssuerKey.new()
    there = Set(old)
    keys = Keys(there)
    assert await is_known(keys, old)

    there.keys.append(new)
    assert await asyncio.gather(*(is_known(keys, new) for _ in range(50))) == [True] * 50
    assert there.read == 2


async def test_a_key_that_came_after_a_running_read_had_begun_is_read_again() -> None:
    old, new = IssuerKey.new(), IssuerKey.new()
    there = Set(old)
    keys = Keys(there)
    there.held.clear()
    first = asyncio.create_task(is_known(keys, old))
    await until(lambda: there.read > 0)
    there.keys.append(new)
    second = asyncio.create_task(is_known(keys, new))
    await asyncio.sleep(0)
    there.held.set()

    assert [await first, await second] == [True, True]
    assert there.read == 2


async def test_a_flood_of_invented_keys_makes_few_reads(hands: Hands) -> None:
    there = Set(IssuerKey.new())
    keys = Keys(there, hands)
    await keys.refresh()

    for n in range(200):
        assert not await is_known(keys, IssuerKey("EdDSA", there.keys[0].private, f"invented-{n}"))
    assert there.read == 1 + AT_ONCE

    hands.now += EVERY
    for n in range(200):
        assert not await is_known(keys, IssuerKey("EdDSA", there.keys[0].private, f"again-{n}"))
    assert there.read == 2 + AT_ONCE


async def test_who_waits_for_a_read_may_leave_without_ending_it_for_others() -> None:
    key = IssuerKey.new()
    there = Set(key)
    there.held.clear()
    keys = Keys(there)
    leaving, staying = (asyncio.create_task(is_known(keys, key)) for _ in range(2))
    await until(lambda: there.read > 0)
    leaving.cancel()
    await asyncio.wait({leaving})
    there.held.set()

    assert await staying
    assert there.read == 1


# An issuer that is away.


async def test_when_they_cannot_be_read_the_known_ones_stay_in_force_for_a_day(hands: Hands) -> None:
    key = IssuerKey.new()
    there = Set(key)
    keys = Keys(there, hands)
    await keys.refresh()
    there.is_up = False

    hands.now += DAY - 1
    with pytest.raises(ProviderUnavailable):
        await keys.refresh()
    assert await is_known(keys, key)
    hands.now += 2
    with pytest.raises(ProviderUnavailable):
        await is_known(keys, key)


async def test_an_issuer_that_is_away_is_not_hammered(hands: Hands) -> None:
    there = Set(IssuerKey.new())
    there.is_up = False
    keys = Keys(there, hands)

    for _ in range(100):
        with pytest.raises(ProviderUnavailable) as failure:
            await is_known(keys, there.keys[0])
        assert failure.value.headers["Retry-After"] == "1"
    assert there.read == 1
    hands.now += 2
    there.is_up = True
    assert await is_known(keys, there.keys[0])


async def test_whether_an_unknown_key_is_the_issuers_is_not_known_while_it_is_away(hands: Hands) -> None:
    there = Set(IssuerKey.new())
    keys = Keys(there, hands)
    await keys.refresh()
    there.is_up = False

    for _ in range(3 * AT_ONCE):
        hands.now += 2
        with pytest.raises(ProviderUnavailable):
            await is_known(keys, IssuerKey.new())
