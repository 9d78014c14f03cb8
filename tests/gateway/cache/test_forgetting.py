"""RFC 9111, section 4.4, purges, and bounds: what is no longer kept."""

from typing import Any

import pytest

from gateway.cache import memory
from tests.support.cached import World, call, read, streamed


async def kept(*paths: str, **fields: Any) -> World:
    """A world that keeps an answer for each path."""
    world = World()
    world.origin.says(cache_control="max-age=60", **fields)
    for path in paths:
        await world.get(path)
    return world


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("status", [200, 201, 204, 303])
async def test_4_4_a_successful_unsafe_call_on_any_route_ends_what_is_kept_of_its_path(
    method: str, status: int
) -> None:
    for through in ("cached", "writing"):
        world = await kept("7", "8")
        await world.get("7", query="a=1")
        handler = world.handler if through == "cached" else world.writing
        world.origin.says(status, b"")
        await read(await handler(call(method, "7")))
        world.origin.says(200, b"new")

        assert (await world.get("7")).body == b"new"
        assert (await world.get("7", query="a=1")).body == b"new"
        assert (await world.get("8")).is_hit


@pytest.mark.parametrize("status", [400, 404, 412, 500])
async def test_4_4_an_unsafe_call_that_fails_ends_nothing(status: int) -> None:
    world = await kept("7")
    world.origin.says(status)
    await world.ask("PUT")

    assert (await world.get()).is_hit


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_4_4_reading_ends_nothing(method: str) -> None:
    world = await kept("7")
    await read(await world.writing(call(method)))

    assert (await world.get()).is_hit


@pytest.mark.parametrize("name", ["location", "content_location"])
@pytest.mark.parametrize(
    ("value", "ended"),
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
async def test_4_4_what_the_answer_names_in_the_same_place_ends_too(
    name: str, value: str, *, ended: bool
) -> None:
    world = await kept("8")
    fields: dict[str, Any] = {name: value}
    world.origin.says(201, **fields)
    await world.ask("POST", "7")

    assert (await world.get("8")).is_hit is not ended


async def test_an_answer_that_was_under_way_when_it_was_changed_is_not_kept() -> None:
    world = World()
    world.origin.answer = world.origin.always(lambda: streamed(b"a", b"b", cache_control="max-age=60"))
    under_way = await world.handler(call())
    world.origin.says(204, b"")
    await world.ask("PUT")
    assert (await read(under_way)).body == b"ab"

    world.origin.says(200, b"new", cache_control="max-age=60")
    assert (await world.get()).body == b"new"
    assert (await world.get()).is_hit


@pytest.mark.parametrize("path", ["/things/a%20b", "/things/a b", "/things/%61%20b", "/things/a%20b?x=1"])
async def test_a_purge_ends_a_path_however_it_is_written_and_tells_how_many_there_were(path: str) -> None:
    world = await kept("a b", "8")
    await world.get("a b", query="x=1")

    assert await world.cache.purge(path) == 2
    assert await world.cache.purge(path) == 0
    assert not (await world.get("a b")).is_hit
    assert (await world.get("8")).is_hit


@pytest.mark.parametrize("field", ["cache_tag", "surrogate_key"])
async def test_a_purge_ends_what_has_a_tag_by_the_answer_or_by_the_route(field: str) -> None:
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


async def test_everything_can_be_ended() -> None:
    world = await kept("1", "2", "3")

    assert await world.cache.clear() == 3
    assert not (await world.get("1")).is_hit


async def test_what_is_kept_takes_at_most_so_many_bytes_and_what_is_unused_for_longest_goes_first() -> None:
    world = World(most_bytes=10_000)
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
    (held,) = [metric for metric in world.cache.collect() if metric.name == "gateway_cache_bytes"]
    assert 5_000 < held.samples[0].value <= 10_000


async def test_an_answer_that_is_longer_than_all_the_room_is_passed_on_and_ends_nothing_else() -> None:
    world = World(most_bytes=3000)
    world.origin.says(200, b"x", cache_control="max-age=60")
    await world.get("1")
    world.origin.says(200, b"x" * 5000, cache_control="max-age=60")

    assert len((await world.get("2")).body) == 5000
    assert not (await world.get("2")).is_hit
    assert (await world.get("1")).is_hit


async def test_of_too_many_answers_to_one_question_the_oldest_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MOST_VARIANTS", 3)
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


async def test_calls_are_counted_by_where_their_answers_came_from() -> None:
    world = World()
    world.origin.says(cache_control="max-age=60, stale-if-error=60", etag='"v1"')
    await world.get()
    await world.get()
    await world.get(range="bytes=0-1")
    await world.ask("PUT", "9")
    world.clock.now += 61
    world.origin.says(503)
    await world.get()
    world.origin.says(304)
    await world.get()

    (counted,) = [metric for metric in world.cache.collect() if metric.name == "gateway_cache"]
    assert {sample.labels["outcome"]: sample.value for sample in counted.samples} == {
        "miss": 1,
        "hit": 1,
        "bypass": 2,
        "stale": 1,
        "revalidated": 1,
    }
    assert {sample.labels["route"] for sample in counted.samples} == {"/things/{rest:path}"}


async def test_a_body_that_is_replaced_does_not_take_from_the_room_twice() -> None:
    world = World()
    for _ in range(3):
        world.origin.says(200, b"x" * 1000, cache_control="max-age=60")
        await world.get(cache_control="no-cache")

    assert await world.cache.clear() == 1
    (held,) = [metric for metric in world.cache.collect() if metric.name == "gateway_cache_bytes"]
    assert held.samples[0].value == 0
