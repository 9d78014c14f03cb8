"""RFC 9111, section 4.4, purges, and bounds: what is no longer stored."""

from typing import Any

import pytest

from frontispiece.gateway.policies.cache import backends
from frontispiece.gateway.policies.cache.serving import StoredReply
from tests.support.cached import World, call, read, streamed

SAFE = ("GET", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "REPORT", "SEARCH", "QUERY")


async def stored(*paths: str, **fields: Any) -> World:
    """A world with a stored response for each path."""
    world = World()
    world.origin.says(cache_control="max-age=60", **fields)
    for path in paths:
        await world.get(path)
    return world


def bytes_of(world: World) -> float:
    """The memory of all entries."""
    (size,) = [metric for metric in world.cache.collect() if metric.name == "gateway_cache_bytes"]
    value: float = size.samples[0].value
    return value


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "M-SEARCH", "LOCK", "get", "~a|token!"])
@pytest.mark.parametrize("status", [200, 201, 204, 303])
async def test_4_4_a_successful_unsafe_call_on_any_route_invalidates_its_path(
    method: str, status: int
) -> None:
    for through in ("cached", "writing"):
        world = await stored("7", "8")
        await world.get("7", query="a=1")
        handler = world.handler if through == "cached" else world.writing
        world.origin.says(status, b"")
        await read(await handler(call(method, "7")))
        world.origin.says(200, b"new")

        assert (await world.get("7")).body == b"new"
        assert (await world.get("7", query="a=1")).body == b"new"
        assert (await world.get("8")).is_hit


@pytest.mark.parametrize(
    ("method", "status"),
    [*(("PUT", status) for status in (400, 404, 412, 500)), *((method, 200) for method in SAFE)],
)
async def test_4_4_a_call_that_fails_or_is_safe_invalidates_nothing(method: str, status: int) -> None:
    world = await stored("7")
    world.origin.says(status)
    await read(await world.writing(call(method)))

    assert (await world.get()).is_hit


@pytest.mark.parametrize("name", ["location", "content_location"])
@pytest.mark.parametrize(
    ("value", "invalidated"),
    [
        ("/things/8", True),
        ("8", True),
        ("https://shop.example/things/8", True),
        ("https://SHOP.example/things/8?a=1#x", True),
        ("//shop.example/things/8", True),
        ("https://other.example/things/8", False),
        ("http://shop.example/things/8", False),
        ("https://shop.example:8443/things/8", False),
        ("/things/9", False),
        ("http://[", False),
    ],
)
async def test_4_4_the_response_invalidates_what_its_location_names_at_the_same_origin(
    name: str, value: str, *, invalidated: bool
) -> None:
    world = await stored("8")
    fields: dict[str, Any] = {name: value}
    world.origin.says(201, **fields)
    await world.ask("POST", "7")

    assert (await world.get("8")).is_hit is not invalidated


async def test_a_response_in_flight_while_its_path_was_changed_is_not_stored() -> None:
    world = World()
    world.origin.answer = world.origin.always(lambda: streamed(b"a", b"b", cache_control="max-age=60"))
    in_flight = await world.handler(call())
    world.origin.says(204, b"")
    await world.ask("PUT")
    assert (await read(in_flight)).body == b"ab"

    world.origin.says(200, b"new", cache_control="max-age=60")
    assert (await world.get()).body == b"new"
    assert (await world.get()).is_hit


@pytest.mark.parametrize("path", ["/things/a%20b", "/things/a b", "/things/%61%20b", "/things/a%20b?x=1"])
async def test_a_purge_removes_a_path_however_it_is_encoded_and_returns_the_number(path: str) -> None:
    world = await stored("a%20b", "8")
    await world.get("a%20b", query="x=1")

    assert await world.cache.purge(path) == 2
    assert await world.cache.purge(path) == 0
    assert await world.cache.purge("/things/../7") == 0, "no route has such a path"
    assert not (await world.get("a%20b")).is_hit
    assert (await world.get("8")).is_hit


async def test_an_escape_is_the_same_in_either_case_and_another_path_than_its_character() -> None:
    world = await stored("a%3Bb", "a;b")
    assert (await world.get("a%3bb")).is_hit
    assert await world.cache.purge("/things/a%3bb") == 1
    assert (await world.get("a;b")).is_hit


@pytest.mark.parametrize("field", ["cache_tag", "surrogate_key"])
async def test_a_purge_removes_what_has_a_tag_of_the_response_or_of_the_route(field: str) -> None:
    world = World(tags=["things"])
    for path, tags in {"1": "red, big", "2": "red small", "3": "blue"}.items():
        fields: dict[str, Any] = {field: tags}
        world.origin.says(cache_control="max-age=60", **fields)
        await world.get(path)

    assert await world.cache.purge_tag("red") == 2
    assert not (await world.get("1")).is_hit
    assert (await world.get("3")).is_hit
    assert await world.cache.purge_tag("nothing") == 0
    assert await world.cache.purge_tag("things") == 2

    for _ in range(3):  # replaced, not added
        await world.get("1", cache_control="no-cache")
    assert await world.cache.clear() == 1
    assert not (await world.get("1")).is_hit
    assert await world.cache.clear() == 1
    assert bytes_of(world) == 0


async def test_the_least_recently_used_is_evicted_beyond_the_maximum_of_bytes() -> None:
    world = World(max_bytes=10_000)
    world.origin.says(200, b"x" * 1500, cache_control="max-age=60")
    for path in ("1", "2", "3"):
        await world.get(path)
    assert (await world.get("1")).is_hit
    await world.get("4")

    assert (await world.get("1")).is_hit
    assert (await world.get("3")).is_hit
    assert not (await world.get("2")).is_hit
    for number in range(50):
        await world.get(str(number))
    assert 5_000 < bytes_of(world) <= 10_000


async def test_a_response_longer_than_the_maximum_of_bytes_passes_and_evicts_nothing() -> None:
    world = World(max_bytes=3000)
    world.origin.says(200, b"x", cache_control="max-age=60")
    await world.get("1")
    world.origin.says(200, b"x" * 5000, cache_control="max-age=60")

    assert len((await world.get("2")).body) == 5000
    assert not (await world.get("2")).is_hit
    assert (await world.get("1")).is_hit


async def test_encoded_forms_count_and_are_evicted_with_their_response() -> None:
    world = World(max_bytes=12_000)
    world.origin.says(200, b"x" * 1500, cache_control="max-age=60")
    encoded = []
    for path in ("1", "2", "3"):
        await world.get(path)
        answer = await world.handler(call("GET", path))
        assert isinstance(answer, StoredReply)
        assert answer.encoded is not None
        encoded.append(answer.encoded)
    before = bytes_of(world)
    encoded[1].put("br", b"y" * 1000)
    assert (bytes_of(world), encoded[1].get("br")) == (before + 1000, b"y" * 1000)

    encoded[1].put("gzip", b"y" * 4000)
    assert before < bytes_of(world) <= 12_000
    assert (await world.get("2")).is_hit
    assert not (await world.get("1")).is_hit

    encoded[0].put("br", b"y")
    encoded[1].put("zstd", b"y" * 9000)
    assert (encoded[0].get("br"), encoded[1].get("zstd")) == (None, None)
    await world.cache.clear()
    assert bytes_of(world) == 0
    encoded[1].put("zstd", b"y")
    assert bytes_of(world) == 0


async def test_of_too_many_variants_the_oldest_is_evicted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "MAX_VARIANTS", 3)
    world = World()
    world.origin.says(cache_control="max-age=60", vary="accept-language")
    for language in ("a", "b", "c", "d"):
        await world.get(accept_language=language)

    assert [(await world.get(accept_language=language)).is_hit for language in ("b", "c", "d", "a")] == [
        True,
        True,
        True,
        False,
    ]
