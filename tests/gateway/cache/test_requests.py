"""RFC 9111, sections 4.1 and 5.2.1: what a request says of the answers that will do."""

from typing import Any

import pytest

from kit.problems import Problem
from tests.support.cached import World


@pytest.mark.parametrize(
    ("control", "after", "served"),
    [
        ("max-age=10", 10, True),
        ("max-age=10", 11, False),
        ("max-age=0", 1, False),
        ("max-age=x", 1, False),
        ("min-fresh=20", 40, True),
        ("min-fresh=21", 40, False),
        ("min-fresh=x", 1, False),
        ("no-cache", 0, False),
        ("max-stale", 1000, True),
        ("max-stale=10", 70, True),
        ("max-stale=10", 71, False),
        ("max-stale=x", 61, False),
        ("max-stale, max-age=10", 61, False),
        ("only-if-cached", 10, True),
        ("no-store", 10, True),
        ("x-unknown, only-if-cached", 10, True),
    ],
)
async def test_5_2_1_a_kept_answer_is_given_only_where_the_client_takes_it(
    control: str, after: int, *, served: bool
) -> None:
    world = World()
    assert await world.is_kept(cache_control="max-age=60")
    world.clock.now += after

    assert (await world.get(cache_control=control)).is_hit is served


async def test_5_4_pragma_counts_where_there_is_no_cache_control() -> None:
    world = World()
    assert await world.is_kept(cache_control="max-age=60")

    assert not (await world.get(pragma="no-cache")).is_hit
    assert (await world.get(pragma="no-cache", cache_control="max-age=5")).is_hit


@pytest.mark.parametrize("control", ["must-revalidate", "proxy-revalidate", "s-maxage=60", "no-cache"])
async def test_4_2_4_no_client_gets_a_stale_answer_that_forbids_it(control: str) -> None:
    world = World(stale="1h", stale_if_error="1h")
    world.origin.says(cache_control=f"max-age=60, {control}", etag='"v1"')
    await world.get()
    world.clock.now += 61
    world.origin.says(503)

    assert (await world.get(cache_control="max-stale")).status == 503
    assert (await world.get()).status == 503
    assert world.asked == 3


@pytest.mark.parametrize("after", [0, 61])
async def test_5_2_1_7_only_if_cached_asks_no_service(after: int) -> None:
    world = World()
    if after:
        await world.is_kept(cache_control="max-age=60")
        world.clock.now += after
    asked = world.asked

    with pytest.raises(Problem) as refused:
        await world.get(cache_control="only-if-cached")
    assert (refused.value.status, refused.value.kind, world.asked) == (504, "not-cached", asked)


async def test_4_1_an_answer_serves_only_requests_that_say_the_same_in_the_fields_it_varies_by() -> None:
    world = World()
    for language in ("en", "de"):
        world.origin.says(200, language.encode(), cache_control="max-age=60", vary="Accept-Language, x-other")
        assert (await world.get(accept_language=language)).body == language.encode()

    assert (await world.get(accept_language="en")).body == b"en"
    assert (await world.get(accept_language="de")).body == b"de"
    missed = await world.get(accept_language="fr")
    assert missed.cache == "gateway; fwd=vary-miss; fwd-status=200; stored"
    assert not (await world.get(accept_language="en", x_other="1")).is_hit
    assert not (await world.get()).is_hit
    assert not (await world.get(accept_language="")).is_hit


@pytest.mark.parametrize(
    ("name", "one", "other", "same"),
    [
        ("accept_language", "en, de", "en,de", True),
        ("accept_language", "en, de", "de, en", False),
        ("accept_encoding", "gzip, BR;q=1", "br; q=1,gzip", True),
        ("accept_encoding", "gzip", "br", False),
        ("x_case", "a", "A", False),
    ],
)
async def test_4_1_only_what_means_the_same_is_the_same(
    name: str, one: str, other: str, *, same: bool
) -> None:
    world = World()
    world.origin.says(cache_control="max-age=60", vary=name.replace("_", "-"))
    await world.get(**{name: one})

    assert (await world.get(**{name: other})).is_hit is same


@pytest.mark.parametrize("vary", ["*", "accept, *"])
async def test_4_1_an_answer_that_varies_by_anything_serves_nobody_else(vary: str) -> None:
    assert not await World(ttl="1m").is_kept(cache_control="max-age=60", vary=vary)


@pytest.mark.parametrize(
    "other", [{"query": "a=2"}, {"host": "other.example"}, {"scheme": "http"}, {"path": "8"}, {"query": ""}]
)
async def test_2_answers_are_kept_by_all_that_services_are_told_of_where_a_request_went(
    other: dict[str, Any],
) -> None:
    world = World()
    world.origin.says(cache_control="max-age=60")
    await world.get(path="7", query="a=1")

    assert not (await world.get(**({"path": "7", "query": "a=1"} | other))).is_hit
    assert (await world.get(path="7", query="a=1")).is_hit
    assert (await world.get(path="7", query="a=1", host="SHOP.example")).is_hit
