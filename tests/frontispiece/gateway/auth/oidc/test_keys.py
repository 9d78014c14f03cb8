"""The issuer's keys: found by their ids, and read anew within limits."""

import asyncio
from typing import Any

import pytest

from frontispiece.gateway.auth.oidc import ProviderUnavailable
from frontispiece.gateway.auth.oidc.jwks import (
    MAX_AGE,
    READS_A_MINUTE,
    KeySet,
    VerificationKey,
    read_jwks,
)
from frontispiece.security import InvalidToken
from tests.support.clock import Clock
from tests.support.issuer import IssuerKey
from tests.support.waiting import until


class Set:
    """The issuer's key set, which counts how often it is read."""

    def __init__(self, *keys: IssuerKey) -> None:
        self.keys = list(keys)
        self.read = 0
        self.is_up = True
        self.held = asyncio.Event()
        self.held.set()

    async def __call__(self) -> list[VerificationKey]:
        """Read it."""
        self.read += 1
        found = list(self.keys)
        await self.held.wait()
        if not self.is_up:
            raise ProviderUnavailable("down")
        return read_jwks({"keys": [key.public_jwk for key in found]}, ["EdDSA", "ES256"])


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def is_known(keys: KeySet, key: IssuerKey) -> bool:
    try:
        return (await keys.key(key.id, key.algorithm)).id == key.id
    except InvalidToken:
        return False


# Known keys.


async def test_without_an_id_a_key_is_found_when_it_is_the_only_one_for_its_algorithm() -> None:
    one, other, curved = IssuerKey.new(), IssuerKey.new(), IssuerKey.new("ES256")
    single, several = KeySet(Set(one, curved)), KeySet(Set(one, other, curved))

    assert (await single.key(None, "EdDSA")).id == one.id
    assert (await several.key(None, "ES256")).id == curved.id
    with pytest.raises(InvalidToken, match="unknown"):
        await several.key(None, "EdDSA")


async def test_two_keys_of_one_id_are_none() -> None:
    one = IssuerKey.new()
    twin = IssuerKey("EdDSA", IssuerKey.new().private, one.id)

    assert not await is_known(KeySet(Set(one, twin)), one)


# Unknown keys.


async def test_a_key_that_came_after_a_running_read_had_begun_is_read_again() -> None:
    old, new = IssuerKey.new(), IssuerKey.new()
    there = Set(old)
    keys = KeySet(there)
    there.held.clear()
    first = asyncio.create_task(is_known(keys, old))
    await until(lambda: there.read > 0)
    there.keys.append(new)
    second = asyncio.create_task(is_known(keys, new))
    await asyncio.sleep(0)
    there.held.set()

    assert [await first, await second] == [True, True]
    assert there.read == 2


async def test_a_flood_of_invented_keys_makes_few_reads(clock: Clock) -> None:
    there = Set(IssuerKey.new())
    keys = KeySet(there, clock)
    await keys.refresh()

    for n in range(200):
        assert not await is_known(keys, IssuerKey("EdDSA", there.keys[0].private, f"invented-{n}"))
    assert there.read == 1 + READS_A_MINUTE

    clock.now += 60 / READS_A_MINUTE
    for n in range(200):
        assert not await is_known(keys, IssuerKey("EdDSA", there.keys[0].private, f"again-{n}"))
    assert there.read == 2 + READS_A_MINUTE


# An issuer that is away.


async def test_when_they_cannot_be_read_the_known_ones_stay_in_force_for_a_day(clock: Clock) -> None:
    key = IssuerKey.new()
    there = Set(key)
    keys = KeySet(there, clock)
    await keys.refresh()
    there.is_up = False

    clock.now += MAX_AGE - 1
    with pytest.raises(ProviderUnavailable):
        await keys.refresh()
    assert await is_known(keys, key)
    clock.now += 2
    with pytest.raises(ProviderUnavailable):
        await is_known(keys, key)


async def test_an_issuer_that_is_away_is_not_hammered(clock: Clock) -> None:
    there = Set(IssuerKey.new())
    there.is_up = False
    keys = KeySet(there, clock)

    for _ in range(100):
        with pytest.raises(ProviderUnavailable) as failure:
            await is_known(keys, there.keys[0])
        assert failure.value.headers["Retry-After"] == "1"
    assert there.read == 1
    clock.now += 2
    there.is_up = True
    assert await is_known(keys, there.keys[0])


async def test_whether_an_unknown_key_is_the_issuers_is_not_known_while_it_is_away(clock: Clock) -> None:
    there = Set(IssuerKey.new())
    keys = KeySet(there, clock)
    await keys.refresh()
    there.is_up = False

    for _ in range(3 * READS_A_MINUTE):
        clock.now += 2
        with pytest.raises(ProviderUnavailable):
            await is_known(keys, IssuerKey.new())


# The keys in a set.


def kept(
    *members: dict[str, Any] | Any, allowed: tuple[str, ...] = ("EdDSA", "ES256", "RS256", "PS256")
) -> list[VerificationKey]:
    return read_jwks({"keys": list(members)}, allowed)


@pytest.mark.parametrize(
    ("algorithm", "changed", "fit"),
    [
        ("EdDSA", {}, {"EdDSA"}),
        ("EdDSA", {"alg": "Ed25519"}, {"EdDSA"}),
        ("EdDSA", {"alg": None, "use": None}, {"EdDSA"}),
        ("ES256", {"alg": None}, {"ES256"}),
        ("RS256", {}, {"RS256"}),
        ("RS256", {"alg": None}, {"RS256", "PS256"}),
        ("ES256", {"key_ops": ["verify"]}, {"ES256"}),
    ],
)
def test_a_key_is_for_its_algorithms_only(algorithm: str, changed: dict[str, Any], fit: set[str]) -> None:
    jwk = {**IssuerKey.new(algorithm).public_jwk, **changed}
    (key,) = kept({name: value for name, value in jwk.items() if value is not None})

    assert key.algorithms == fit


@pytest.mark.parametrize(
    ("algorithm", "changed"),
    [
        ("EdDSA", {"use": "enc"}),
        ("EdDSA", {"key_ops": ["encrypt"]}),
        ("EdDSA", {"key_ops": "verify"}),
        ("EdDSA", {"alg": "ES256"}),
        ("ES256", {"alg": "HS256"}),
        ("RS256", {"alg": "none"}),
        ("ES384", {}),
        ("EdDSA", {"crv": "Ed448"}),
        ("EdDSA", {"crv": 7}),
        ("EdDSA", {"x": "AA"}),
        ("EdDSA", {"x": 7}),
        ("EdDSA", {"kty": "oct", "k": "c2VjcmV0"}),
        ("EdDSA", {"kty": "EC"}),
        ("ES256", {"y": "AAAA"}),
        ("RS256", {"n": "AQAB"}),
        ("RS256", {"kty": 7}),
        ("RS256", {"alg": ["RS256"]}),
    ],
)
def test_other_keys_are_left_out(algorithm: str, changed: dict[str, Any]) -> None:
    good = IssuerKey.new()
    bad = {**IssuerKey.new(algorithm).public_jwk, **changed}

    assert [key.id for key in kept(bad, good.public_jwk, 7, None, {})] == [good.id]


def test_a_key_of_a_password_never_counts_whatever_is_allowed() -> None:
    member = {"kty": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0", "alg": "HS256", "kid": "a"}

    assert kept(member, allowed=("HS256", "EdDSA")) == []


@pytest.mark.parametrize("document", [{}, {"keys": {}}, {"keys": None}, {"keys": [{}] * 101}])
def test_what_is_no_set_of_keys_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(ProviderUnavailable):
        read_jwks(document, ["EdDSA"])
