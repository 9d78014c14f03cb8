"""Gateways that find each other's answers in Valkey."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import valkey

from gateway.cache import HttpCache, http_cache
from gateway.cache.settings import CacheSettings
from gateway.layers.cache import cached
from gateway.page.shared_cache import SharedStore
from kit.faults import Faulty
from tests.support.cached import Clock, World
from tests.support.waiting import until

OpenGateway = Callable[..., Awaitable[World]]


@pytest.fixture
def clock() -> Clock:
    """One time for all gateways."""
    return Clock()


@pytest.fixture
async def opened(clock: Clock, valkey_url: str) -> AsyncIterator[OpenGateway]:
    """`world = await opened()`: one more gateway with this Valkey; all have the same service."""
    caches: list[HttpCache] = []
    first: list[World] = []

    async def open_one(url: str = valkey_url) -> World:
        store = SharedStore(url, answers_within=5, now=clock)
        world = World(clock)
        world.cache = await HttpCache(store=store, now=clock).__aenter__()
        caches.append(world.cache)
        first.append(world)
        world.origin = first[0].origin
        world.handler = cached(world.route, world.cache)(world.origin)
        return world

    yield open_one
    for cache in caches:
        await cache.__aexit__(None, None, None)


def entries(url: str) -> int:
    """How many answers are in Valkey."""
    with valkey.Valkey.from_url(url) as client:
        return len(client.keys("cache:1:entry:*"))


async def test_what_one_gateway_has_kept_another_one_gives(
    opened: OpenGateway, clock: Clock, valkey_url: str
) -> None:
    one, other = await opened(), await opened()
    one.origin.says(200, b"\x00binary", cache_control="max-age=60", x_own="1", date=clock.date())
    await one.get()
    await until(lambda: entries(valkey_url) == 1)
    clock.now += 10

    told = await other.get()
    assert (told.is_hit, told.body, told.headers["x-own"], told.headers["age"]) == (
        True,
        b"\x00binary",
        "1",
        "10",
    )
    assert one.asked == 1
    clock.now += 50
    assert not (await other.get()).is_hit


async def test_variants_are_told_apart_there_too(opened: OpenGateway, valkey_url: str) -> None:
    one, other = await opened(), await opened()
    for language in ("en", "de"):
        one.origin.says(200, language.encode(), cache_control="max-age=60", vary="accept-language")
        await one.get(accept_language=language)
    await until(lambda: entries(valkey_url) == 3)

    assert (await other.get(accept_language="en")).body == b"en"
    assert (await other.get(accept_language="de")).body == b"de"
    assert one.asked == 2
    assert not (await other.get(accept_language="fr")).is_hit


async def test_what_is_not_public_is_given_to_no_user_by_another_gateway_either(
    opened: OpenGateway, valkey_url: str
) -> None:
    one, other = await opened(), await opened()
    one.origin.says(cache_control="max-age=60")
    await one.get()
    await until(lambda: entries(valkey_url) == 1)

    assert not (await other.get(authorization="Bearer x")).is_hit
    assert (await other.get()).is_hit


@pytest.mark.parametrize("purge", ["path", "tag", "all", "put"])
async def test_what_one_gateway_purges_another_gives_no_longer_than_its_own_copy_is_believed(
    opened: OpenGateway, clock: Clock, valkey_url: str, purge: str
) -> None:
    one, other = await opened(), await opened()
    one.origin.says(200, b"old", cache_control="max-age=60", cache_tag="red")
    await one.get()
    await until(lambda: entries(valkey_url) == 1)
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
    clock.now += http_cache.BELIEVED

    assert (await other.get()).body == b"new"


def marks(url: str) -> int:
    """How many purges Valkey remembers."""
    with valkey.Valkey.from_url(url) as client:
        return len(client.keys("cache:1:*")) - len(client.keys("cache:1:entry:*"))


async def test_a_gateway_takes_a_newer_answer_of_another_for_its_own(
    opened: OpenGateway, clock: Clock, valkey_url: str
) -> None:
    one, other = await opened(), await opened()
    one.origin.says(200, b"old", cache_control="max-age=60")
    await one.get()
    await until(lambda: entries(valkey_url) == 1)
    await other.get()
    clock.now += 61
    one.origin.says(200, b"new", cache_control="max-age=60")
    await one.get()
    with valkey.Valkey.from_url(valkey_url) as client:
        await until(lambda: any(b"new" in (client.get(key) or b"") for key in client.keys("cache:1:entry:*")))

    told = await other.get()
    assert (told.is_hit, told.body, one.asked) == (True, b"new", 2)


async def test_garbage_in_valkey_is_as_good_as_nothing(opened: OpenGateway, valkey_url: str) -> None:
    one, other = await opened(), await opened()
    one.origin.says(cache_control="max-age=60")
    await one.get()
    await until(lambda: entries(valkey_url) == 1)
    with valkey.Valkey.from_url(valkey_url) as client:
        (key,) = client.keys("cache:1:entry:*")
        for garbage in (b"", b"\xc1", b"\x92\x90\x01", b"{}"):
            client.set(key, garbage)
            assert not (await other.get(cache_control="no-store")).is_hit


async def test_without_valkey_a_gateway_keeps_its_own(opened: OpenGateway) -> None:
    world = await opened("unix:///nowhere/valkey.sock")
    world.origin.says(cache_control="max-age=60")
    await world.get()
    assert (await world.get()).is_hit

    world.clock.now += http_cache.BELIEVED
    assert (await world.get()).is_hit
    assert await world.cache.purge("/things/7") == 1
    assert not (await world.get()).is_hit


@pytest.mark.parametrize("url", ["redis", "http://valkey", ""])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(Faulty, match="GATEWAY_VALKEY_URL"):
        CacheSettings(valkey_url=url)
