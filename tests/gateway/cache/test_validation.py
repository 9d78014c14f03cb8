"""RFC 9111, section 4.3: whether a kept answer still holds, asked upstream and answered to clients."""

from typing import Any

import pytest

from gateway.upstream import Reply
from tests.support.cached import World, call, reply

NOTHING_SENT = {b"if-none-match", b"if-modified-since"}


def validators(world: World) -> dict[bytes, bytes]:
    """What the service was asked by last."""
    return {name: value for name, value in world.origin.asked[-1].headers if name in NOTHING_SENT}


async def stale(world: World, **fields: Any) -> World:
    """A world whose kept answer is old."""
    world.origin.says(200, b"old", **({"cache_control": "max-age=60"} | fields))
    await world.get()
    world.clock.now += 61
    return world


async def test_4_3_1_a_stale_answer_is_asked_for_by_its_tag_and_its_date() -> None:
    changed = World().clock.date(-1000)
    world = await stale(World(), etag='"v1"', last_modified=changed)
    await world.get()

    assert validators(world) == {b"if-none-match": b'"v1"', b"if-modified-since": changed.encode()}


async def test_4_3_1_validators_of_a_client_are_not_mixed_with_those_of_the_cache() -> None:
    world = await stale(World(), etag='"v1"')
    world.origin.says(304, etag='"v1"', cache_control="max-age=60")

    answer = await world.get(if_none_match='"mine"')
    assert validators(world) == {b"if-none-match": b'"v1"'}
    assert (answer.status, answer.body) == (200, b"old")


async def test_4_3_4_a_304_makes_the_kept_answer_fresh_and_brings_its_fields_up_to_date() -> None:
    world = await stale(World(), etag='"v1"', x_old="1", x_both="1", content_type="text/plain", age="3")
    world.origin.says(
        304, etag='"v1"', cache_control="max-age=10", x_both="2", content_type="x/y", content_length="9"
    )

    renewed = await world.get()
    assert (renewed.status, renewed.body, renewed.cache) == (
        200,
        b"old",
        "gateway; fwd=stale; fwd-status=304; stored",
    )
    again = await world.get()
    assert again.is_hit
    told = {"x-old": "1", "x-both": "2", "content-type": "text/plain", "content-length": "3", "age": "0"}
    assert told.items() <= again.headers.items()
    assert again.headers["cache-control"] == "max-age=10"
    assert again.headers["date"] == world.clock.date()
    world.clock.now += 10
    assert not (await world.get()).is_hit


async def test_4_3_3_a_whole_answer_takes_the_place_of_the_kept_one() -> None:
    world = await stale(World(), etag='"v1"')
    world.origin.says(200, b"new", etag='"v2"', cache_control="max-age=60")

    assert (await world.get()).body == b"new"
    again = await world.get()
    assert (again.is_hit, again.body, again.headers["etag"]) == (True, b"new", '"v2"')


async def test_4_3_3_a_whole_answer_that_may_not_be_kept_ends_the_kept_one() -> None:
    world = await stale(World(), etag='"v1"')
    world.origin.says(200, b"new", cache_control="no-store")
    await world.get()
    await world.get()

    assert validators(world) == {}


async def test_4_3_3_a_failure_is_passed_on_and_the_kept_answer_stays() -> None:
    world = await stale(World(), etag='"v1"')
    world.origin.says(503, b"busy")
    assert (await world.get()).status == 503

    world.origin.says(304, cache_control="max-age=60")
    assert (await world.get()).body == b"old"


async def test_4_3_4_a_304_of_another_tag_is_not_believed_and_it_is_asked_again_without_conditions() -> None:
    world = await stale(World(), etag='"v1"')

    async def confused(one: object) -> Reply:
        if validators(world):
            return reply(304, etag='"v7"')
        return reply(200, b"new", cache_control="max-age=60")

    world.origin.answer = confused

    assert (await world.get()).body == b"new"
    assert (await world.get()).is_hit


@pytest.mark.parametrize(
    "fields", [{"cache_control": "private"}, {"cache_control": "no-store"}, {"set_cookie": "a=1"}]
)
async def test_a_304_that_forbids_it_ends_what_is_kept_after_this_one_client(fields: dict[str, Any]) -> None:
    world = await stale(World(), etag='"v1"')
    world.origin.says(304, **({"cache_control": "max-age=60"} | fields))
    answer = await world.get()
    assert (answer.status, answer.body, answer.headers.get("set-cookie")) == (
        200,
        b"old",
        fields.get("set_cookie"),
    )

    world.origin.says(200, b"new")
    again = await world.get()
    assert "set-cookie" not in again.headers
    assert (again.is_hit, again.body, validators(world)) == (False, b"new", {})


@pytest.mark.parametrize("status", [200, 304])
async def test_5_2_1_5_a_client_of_whom_nothing_may_be_stored_ends_nothing(status: int) -> None:
    world = World()
    world.origin.says(200, b"a", etag='"v1"', cache_control="max-age=60")
    await world.get()
    world.origin.says(status, b"b", etag='"v1"', cache_control="max-age=60")
    await world.get(cache_control="no-cache, no-store")

    told = await world.get()
    assert (told.is_hit, told.body) == (True, b"a")


@pytest.mark.parametrize("control", ["no-cache", "no-cache, max-age=60", 'no-cache=""'])
async def test_5_2_2_4_an_answer_that_says_no_cache_is_validated_each_time(control: str) -> None:
    world = World()
    world.origin.says(200, b"a", etag='"v1"', cache_control=control)
    await world.get()
    world.origin.says(304, etag='"v1"', cache_control=control)

    for times in (2, 3):
        answer = await world.get(cache_control="max-stale")
        assert (answer.body, answer.is_hit, world.asked) == (b"a", False, times)
        assert validators(world) == {b"if-none-match": b'"v1"'}


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"if_none_match": '"v1"'}, 304),
        ({"if_none_match": 'W/"v1"'}, 304),
        ({"if_none_match": '"x,y", "v1"'}, 304),
        ({"if_none_match": "*"}, 304),
        ({"if_none_match": '"v2"'}, 200),
        ({"if_none_match": '"v2"', "if_modified_since": "later"}, 200),
        ({"if_modified_since": "same"}, 304),
        ({"if_modified_since": "later"}, 304),
        ({"if_modified_since": "earlier"}, 200),
        ({"if_modified_since": "nonsense"}, 200),
    ],
)
async def test_4_3_2_a_client_that_has_the_kept_answer_is_told_so(asked: dict[str, Any], status: int) -> None:
    world = World()
    times = {"same": -1000, "later": -10, "earlier": -2000}
    fields = {k: world.clock.date(times[v]) if v in times else v for k, v in asked.items()}
    world.origin.says(
        etag='"v1"',
        last_modified=world.clock.date(-1000),
        cache_control="max-age=60",
        content_type="a/b",
        x_own="1",
    )
    first = await world.get(**fields)
    second = await world.get(**fields)

    assert (first.status, second.status, second.is_hit, world.asked) == (status, status, True, 1)
    assert second.headers["etag"] == '"v1"'
    assert {"cache-control", "date", "age", "x-own"} <= second.headers.keys()
    if status == 304:
        assert not {"content-length", "content-type"} & (first.headers.keys() | second.headers.keys())
        assert (first.body, second.body) == (b"", b"")


async def test_4_3_2_without_a_date_of_change_the_date_of_the_answer_counts() -> None:
    world = World()
    assert await world.is_kept(cache_control="max-age=60")

    assert (await world.get(if_modified_since=world.clock.date())).status == 304
    assert (await world.get(if_modified_since=world.clock.date(-1))).status == 200


async def test_4_3_2_only_an_answer_that_went_well_is_not_modified() -> None:
    world = World()
    world.origin.says(404, etag='"v1"', cache_control="max-age=60")
    await world.get()

    assert (await world.get(if_none_match='"v1"')).status == 404


async def test_a_client_that_has_an_older_answer_gets_the_whole_one_and_so_do_those_after_it() -> None:
    world = World()
    world.origin.says(etag='"v2"', cache_control="max-age=60")
    await world.get(if_none_match='"v1"')

    assert validators(world) == {}
    assert (await world.get()).is_hit


async def test_head_is_answered_from_what_get_has_left() -> None:
    world = World()
    world.origin.says(200, b"four", cache_control="max-age=60")
    await world.get()

    head = await world.ask("HEAD")
    assert (head.is_hit, head.body, head.headers["content-length"]) == (True, b"", "4")


@pytest.mark.parametrize(("fields", "stays"), [({"etag": '"v1"'}, True), ({"etag": '"v2"'}, False)])
async def test_4_3_5_a_head_that_tells_of_something_newer_ends_what_is_kept(
    fields: dict[str, Any], *, stays: bool
) -> None:
    world = World()
    world.origin.says(200, b"a", cache_control="max-age=60", etag='"v1"')
    await world.get()
    world.origin.says(200, b"a", cache_control="max-age=60", **fields)
    head = await read_head(world)
    assert head == 200

    assert (await world.get()).is_hit is stays


async def read_head(world: World) -> int:
    """The status of a HEAD that is to reach the service."""
    answer = await world.handler(call("HEAD", cache_control="no-cache"))
    await answer.release()
    return answer.status
