"""RFC 9111, section 4.3: validation of stored responses, by services and by clients."""

from typing import Any

import pytest

from frontispiece.upstream import Reply
from tests.support.cached import World, reply

CONDITIONS = {b"if-none-match", b"if-modified-since"}


def validators(world: World) -> dict[bytes, bytes]:
    """The conditions of the latest request to the service."""
    return {name: value for name, value in world.origin.requests[-1].headers if name in CONDITIONS}


async def stale(world: World, **fields: Any) -> World:
    """A world whose stored response is stale."""
    await world.store(200, b"old", **({"cache_control": "max-age=60"} | fields))
    world.clock.now += 61
    return world


async def test_4_3_1_a_stale_response_is_revalidated_by_its_own_tag_and_date_and_not_the_clients() -> None:
    changed = World().clock.date(-1000)
    world = await stale(World(), etag='"v1"', last_modified=changed)
    world.origin.says(304, etag='"v1"', cache_control="max-age=60")

    served = await world.get(if_none_match='"mine"')
    assert validators(world) == {b"if-none-match": b'"v1"', b"if-modified-since": changed.encode()}
    assert (served.status, served.body) == (200, b"old")


@pytest.mark.parametrize(
    ("status", "control", "then"), [(200, "max-age=60", "hit"), (200, "no-store", "gone"), (503, "", "stale")]
)
async def test_4_3_3_a_whole_response_replaces_the_stored_one_or_ends_it_and_a_failure_leaves_it(
    status: int, control: str, then: str
) -> None:
    world = await stale(World(), etag='"v1"')
    world.origin.says(status, b"new", cache_control=control)
    served = await world.get()
    assert (served.status, served.body) == (status, b"new")

    again = await world.get()
    assert (again.is_hit, again.body) == (then == "hit", b"new")
    assert validators(world) == ({} if then == "gone" else {b"if-none-match": b'"v1"'})


async def test_4_3_4_a_304_freshens_the_stored_response_and_updates_its_fields() -> None:
    world = await stale(World(), etag='"v1"', x_old="1", x_both="1", content_md5="a", age="3")
    world.origin.says(
        304, etag='"v1"', cache_control="max-age=10", x_both="2", content_type="x/y", content_md5="b"
    )

    renewed = await world.get()
    assert (renewed.status, renewed.body, renewed.cache) == (
        200,
        b"old",
        "gateway; fwd=stale; fwd-status=304; stored",
    )
    again = await world.get()
    assert again.is_hit
    served = {"x-old": "1", "x-both": "2", "content-type": "x/y", "content-md5": "a", "age": "0"}
    assert served.items() <= again.headers.items()
    assert again.headers["cache-control"] == "max-age=10"
    assert again.headers["date"] == world.clock.date()
    world.clock.now += 10
    assert not (await world.get()).is_hit


async def test_4_3_4_after_a_304_with_another_tag_the_request_is_repeated_without_conditions() -> None:
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
async def test_a_304_that_forbids_storing_is_for_this_client_alone(
    fields: dict[str, Any],
) -> None:
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


@pytest.mark.parametrize("control", ["no-cache", "no-cache, max-age=60", 'no-cache=""'])
async def test_5_2_2_4_a_response_with_no_cache_is_validated_each_time(control: str) -> None:
    world = World()
    await world.store(200, b"a", etag='"v1"', cache_control=control)
    world.origin.says(304, etag='"v1"', cache_control=control)

    for times in (2, 3):
        answer = await world.get(cache_control="max-stale")
        assert (answer.body, answer.is_hit, world.requests) == (b"a", False, times)
        assert validators(world) == {b"if-none-match": b'"v1"'}


@pytest.mark.parametrize(
    ("conditions", "status"),
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
async def test_4_3_2_a_client_that_has_the_response_gets_a_304(
    conditions: dict[str, Any], status: int
) -> None:
    world = World()
    times = {"same": -1000, "later": -10, "earlier": -2000}
    fields = {k: world.clock.date(times[v]) if v in times else v for k, v in conditions.items()}
    world.origin.says(
        etag='"v1"',
        last_modified=world.clock.date(-1000),
        cache_control="max-age=60",
        content_type="a/b",
        x_own="1",
    )
    first = await world.get(**fields)
    second = await world.get(**fields)

    assert (first.status, second.status, second.is_hit, world.requests) == (status, status, True, 1)
    assert second.headers["etag"] == '"v1"'
    assert {"cache-control", "date", "age", "x-own"} <= second.headers.keys()
    if status == 304:
        assert not {"content-length", "content-type"} & (first.headers.keys() | second.headers.keys())
        assert (first.body, second.body) == (b"", b"")


async def test_4_3_2_without_last_modified_the_date_counts_and_only_a_200_becomes_a_304() -> None:
    world = World()
    assert await world.is_stored(cache_control="max-age=60")
    assert (await world.get(if_modified_since=world.clock.date())).status == 304
    assert (await world.get(if_modified_since=world.clock.date(-1))).status == 200

    world.origin.says(404, etag='"v1"', cache_control="max-age=60")
    await world.get("8")
    assert (await world.get("8", if_none_match='"v1"')).status == 404


@pytest.mark.parametrize(("etag", "stays"), [('"v1"', True), ('"v2"', False)])
async def test_4_3_5_a_head_with_other_validators_removes_the_entry(etag: str, *, stays: bool) -> None:
    world = World()
    await world.store(200, b"a", cache_control="max-age=60", etag='"v1"')
    world.origin.says(200, b"a", cache_control="max-age=60", etag=etag)
    assert (await world.ask("HEAD", cache_control="no-cache")).status == 200

    assert (await world.get()).is_hit is stays
