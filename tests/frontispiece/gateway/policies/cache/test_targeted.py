"""RFC 9213: targeted fields count instead of `Cache-Control` for the caches that they name."""

from typing import Any

import pytest

from tests.support.cached import World

FRESH = "max-age=60"


@pytest.mark.parametrize(
    ("targeted", "fields"),
    [
        ("max-age=60", {}),
        ("max-age=60", {"cache_control": "no-store"}),
        ("max-age=60", {"cache_control": "private, max-age=0"}),
        ("max-age=60", {"expires": "0"}),
        ("max-age=60;param=1, unknown, other=(1 2)", {}),
        ("max-age=0, max-age=60", {}),
        ("s-maxage=60, max-age=0", {}),
        ("max-age=999999999999999", {}),
    ],
)
async def test_2_2_a_valid_field_lets_a_response_be_stored_whatever_else_it_says(
    targeted: str, fields: dict[str, Any]
) -> None:
    assert await World().is_stored(cdn_cache_control=targeted, **fields)


@pytest.mark.parametrize(
    "targeted",
    [
        "no-store",
        "private",
        'private="x", no-store',
        "no-cache",
        "max-age=0",
        "max-age=60, max-age=0",
        "unknown",
    ],
)
async def test_2_2_a_valid_field_forbids_what_cache_control_and_expires_allow(targeted: str) -> None:
    world = World()
    assert not await world.is_stored(
        cdn_cache_control=targeted, cache_control="public, max-age=60", expires=world.clock.date(60)
    )


@pytest.mark.parametrize(
    "targeted",
    [
        "",
        "MAX-AGE=60",
        "max-age=60,",
        "max-age=60, &",
        "max-age =60",
        "max-age=60 no-store",
        "max-age=1000000000000000",
        "max-age=60;A=1",
        'no-cache="a',
        "max-age=60, x=\xfc",
        'max-age="60"',
        "max-age",
        "max-age=-60",
        "no-store=?0",
    ],
)
async def test_2_1_an_empty_or_invalid_field_is_as_if_it_were_not_there(targeted: str) -> None:
    assert await World().is_stored(cdn_cache_control=targeted, cache_control=FRESH)
    assert not await World(ttl="1m").is_stored(cdn_cache_control=targeted, cache_control="no-store")


async def test_2_2_the_first_valid_field_of_the_target_list_counts() -> None:
    own, cdn = {"gateway_cache_control": "no-store"}, {"cdn_cache_control": FRESH}
    assert not await World().is_stored(**own, **cdn)
    assert await World().is_stored(**cdn, gateway_cache_control="not, valid,")
    assert await World(target_list=["CDN-Cache-Control"]).is_stored(**own, **cdn)
    assert not await World(target_list=[]).is_stored(**cdn)
    assert await World(target_list=["X-Cache-Control"]).is_stored(x_cache_control=FRESH, **own)


@pytest.mark.parametrize("targeted", ["private", "no-store", "no-cache"])
async def test_a_field_for_caches_makes_no_private_response_public(targeted: str) -> None:
    for credentials in ({"authorization": "Bearer x"}, {"cookie": "a=1"}):
        world = World()
        world.origin.says(cdn_cache_control=targeted, cache_control="public, max-age=60")
        await world.get(**credentials)
        assert not (await world.get(**credentials)).is_hit


async def test_3_1_fields_are_passed_on_unless_the_route_removes_those_of_its_list() -> None:
    fields: dict[str, Any] = {"cdn_cache_control": FRESH, "other_cache_control": FRESH}
    for removed in (False, True):
        world = World(remove_targeted=removed)
        for answer in (await world.store(**fields), await world.get()):
            assert ("cdn-cache-control" in answer.headers) is not removed
            assert "other-cache-control" in answer.headers
        world.clock.now += 59
        assert (await world.get()).is_hit


async def test_a_304_renews_by_its_targeted_field() -> None:
    world = World(remove_targeted=True)
    await world.store(cdn_cache_control=FRESH, etag='"1"')
    world.clock.now += 61
    world.origin.says(304, etag='"1"', cdn_cache_control="max-age=600")
    await world.get()
    world.clock.now += 599
    assert (await world.get()).is_hit
