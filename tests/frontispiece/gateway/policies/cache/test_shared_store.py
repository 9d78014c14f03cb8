"""Gateways that share stored responses by a Valkey."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import valkey

from frontispiece.gateway.policies.cache import store as http_cache
from frontispiece.gateway.policies.cache.store import HttpCache
from frontispiece.stores.valkey import BestEffortValkey
from tests.support.cached import World
from tests.support.clock import START, Clock
from tests.support.waiting import until

OpenCache = Callable[..., Awaitable[World]]


@pytest.fixture
def clock() -> Clock:
    """One time for all gateways."""
    return Clock(START)


@pytest.fixture
async def opened(clock: Clock, valkey_url: str) -> AsyncIterator[OpenCache]:
    """`world = await opened()`: one more gateway with this Valkey; all have the same service."""
    caches: list[HttpCache] = []
    first: list[World] = []

    async def open_one(url: str = valkey_url, **policy: Any) -> World:
        store = BestEffortValkey(url, timeout=30, now=clock)
        world = World(clock, **policy)
        world.cache = await HttpCache(valkey=store, now=clock).__aenter__()
        caches.append(world.cache)
        first.append(world)
        world.origin = first[0].origin
        world.handler = world.behind_cache(world.origin)
        return world

    yield open_one
    for cache in caches:
        await cache.__aexit__(None, None, None)


def entries(url: str) -> int:
    """The number of entries in Valkey."""
    with valkey.Valkey.from_url(url) as client:
        return len(client.keys("cache:1:entry:*"))


async def store(world: World, url: str) -> None:
    """Have a response stored in Valkey, too."""
    await world.get()
    await until(lambda: entries(url) == 1)


async def test_a_response_stored_by_one_gateway_is_served_by_another(
    opened: OpenCache, clock: Clock, valkey_url: str
) -> None:
    one, other = await opened(), await opened()
    one.origin.says(200, b"\x00binary", cache_control="max-age=60", x_own="1", date=clock.date())
    await store(one, valkey_url)
    clock.now += 10

    served = await other.get()
    assert (served.is_hit, served.body, served.headers["x-own"], served.headers["age"]) == (
        True,
        b"\x00binary",
        "1",
        "10",
    )
    assert one.requests == 1
    clock.now += 50
    assert not (await other.get()).is_hit


async def test_variants_are_shared_too(opened: OpenCache, valkey_url: str) -> None:
    one, other = await opened(), await opened()
    for language in ("en", "de"):
        one.origin.says(200, language.encode(), cache_control="max-age=60", vary="accept-language")
        await one.get(accept_language=language)
    await until(lambda: entries(valkey_url) == 3)

    assert (await other.get(accept_language="en")).body == b"en"
    assert (await other.get(accept_language="de")).body == b"de"
    assert one.requests == 2
    assert not (await other.get(accept_language="fr")).is_hit


async def test_a_response_that_is_not_public_is_for_no_authenticated_caller_of_another_gateway(
    opened: OpenCache, valkey_url: str
) -> None:
    one, other = await opened(), await opened()
    one.origin.says(cache_control="max-age=60")
    await store(one, valkey_url)

    assert not (await other.get(authorization="Bearer x")).is_hit
    assert (await other.get()).is_hit


@pytest.mark.parametrize("purge", ["path", "tag", "all", "put"])
async def test_a_purge_reaches_other_gateways_when_their_own_copies_are_checked(
    opened: OpenCache, clock: Clock, valkey_url: str, purge: str
) -> None:
    one, other = await opened(), await opened()
    one.origin.says(200, b"old", cache_control="max-age=60", cache_tag="red")
    await store(one, valkey_url)
    assert (await other.get()).is_hit

    clock.now += 1
    one.origin.says(200, b"new", cache_control="max-age=60")
    if purge == "path":
        await one.cache.purge("/things/7")
    elif purge == "tag":
        await one.cache.purge_tag("red")
    elif purge == "all":
        await one.cache.clear()
    else:
        await one.ask("PUT")
    await until(lambda: marks(valkey_url) == 1)
    third = await opened()
    assert (await third.get()).body == b"new"
    clock.now += http_cache.LOCAL_TTL

    assert (await other.get()).body == b"new"


def marks(url: str) -> int:
    """The number of purges in Valkey."""
    with valkey.Valkey.from_url(url) as client:
        return len(client.keys("cache:1:*")) - len(client.keys("cache:1:entry:*"))


async def test_a_newer_response_of_another_gateway_replaces_its_own(
    opened: OpenCache, clock: Clock, valkey_url: str
) -> None:
    one, other = await opened(), await opened()
    one.origin.says(200, b"old", cache_control="max-age=60")
    await store(one, valkey_url)
    await other.get()
    clock.now += 61
    one.origin.says(200, b"new", cache_control="max-age=60")
    await one.get()
    with valkey.Valkey.from_url(valkey_url) as client:
        await until(lambda: any(b"new" in (client.get(key) or b"") for key in client.keys("cache:1:entry:*")))

    served = await other.get()
    assert (served.is_hit, served.body, one.requests) == (True, b"new", 2)


async def test_garbage_in_valkey_is_a_miss(opened: OpenCache, valkey_url: str) -> None:
    one, other = await opened(), await opened()
    one.origin.says(cache_control="max-age=60")
    await store(one, valkey_url)
    with valkey.Valkey.from_url(valkey_url) as client:
        (key,) = client.keys("cache:1:entry:*")
        for garbage in (b"", b"\xc1", b"\x92\x90\x01", b"{}"):
            client.set(key, garbage)
            assert not (await other.get(cache_control="no-store")).is_hit


async def test_without_valkey_a_gateway_uses_its_own_memory(opened: OpenCache) -> None:
    world = await opened("unix:///nowhere/valkey.sock")
    await world.store(cache_control="max-age=60")
    assert (await world.get()).is_hit

    world.clock.now += http_cache.LOCAL_TTL
    assert (await world.get()).is_hit
    assert await world.cache.purge("/things/7") == 1
    assert not (await world.get()).is_hit
