"""The caching headers of an aggregate: the strictest of all parts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontispiece.gateway.aggregates.cache_headers import CacheHeaders
from tests.conftest import MakeToken
from tests.frontispiece.gateway.aggregates.conftest import Join, said

TWO = 'parts.a = { from = "catalog:/p" }\nparts.b = { from = "inventory:/p" }'


def merged(*controls: str | None, personal: bool = False, degraded: bool = False) -> str:
    joined = CacheHeaders()
    for control in controls:
        joined.add([] if control is None else [(b"cache-control", control.encode())])
    headers = dict(joined.headers(degraded=degraded, personal=personal))
    assert headers.keys() == {b"cache-control", b"vary"}
    return headers[b"cache-control"].decode()


@pytest.mark.parametrize(
    ("controls", "expected"),
    [
        (["max-age=60", "max-age=5"], "max-age=5"),
        (["public, max-age=60", "public, max-age=5"], "public, max-age=5"),
        (["public, max-age=60", "max-age=90"], "max-age=60"),
        (["public, max-age=60", "private, max-age=90"], "private, max-age=60"),
        (["max-age=60", "no-cache"], "no-cache"),
        (["max-age=60", 'no-cache="x, public"'], "no-cache"),
        (["max-age=60", "NO-STORE, max-age=5"], "no-store"),
        (["private", "no-store"], "no-store"),
        (["max-age=60", None], "no-cache"),
        (["private, max-age=60", None], "private, no-cache"),
        ([None, None], "no-cache"),
        (["max-age=60", "must-revalidate"], "no-cache, must-revalidate"),
        (
            ["max-age=60, must-revalidate", "max-age=70, no-transform"],
            "max-age=60, must-revalidate, no-transform",
        ),
        (["max-age=60, s-maxage=600", "max-age=90"], "max-age=60, s-maxage=90"),
        (
            ["max-age=60, s-maxage=10", "max-age=90, proxy-revalidate"],
            "max-age=60, s-maxage=10, proxy-revalidate",
        ),
        (["s-maxage=600", "max-age=90"], "no-cache"),
        (["max-age=60, s-maxage=600", "private, max-age=90"], "private, max-age=60"),
        (["max-age=60, stale-while-revalidate=9, immutable", "max-age=90, immutable"], "max-age=60"),
        (["max-age=-5", "max-age=90"], "max-age=0"),
        (['max-age="60"', "max-age=90"], "max-age=60"),
        (["max-age=soon", "max-age=90"], "max-age=0"),
        (["max-age=60, max-age=3", "max-age=90"], "max-age=3"),
        (["", "max-age=90"], "no-cache"),
        ([], "no-cache"),
    ],
)
def test_cache_control_is_the_strictest_of_all_parts(controls: list[str | None], expected: str) -> None:
    assert merged(*controls) == expected
    assert merged(*reversed(controls)) == expected


@pytest.mark.parametrize(
    ("controls", "expected"),
    [
        (["max-age=60", "max-age=60"], "private, max-age=60"),
        (["public, max-age=60", "public, max-age=60"], "public, max-age=60"),
        (["public, max-age=60", None], "private, no-cache"),
        (["max-age=60, must-revalidate", "public, max-age=60"], "private, max-age=60, must-revalidate"),
        (["max-age=60, s-maxage=60", "max-age=60"], "private, max-age=60"),
    ],
)
def test_responses_for_a_user_are_private_unless_every_part_is_public(
    controls: list[str | None], expected: str
) -> None:
    assert merged(*controls, personal=True) == expected


@pytest.mark.parametrize("ages", [["soon"], ["-1"], ["50, x"], ["5", "1e3"], ["9" * 30]])
def test_a_response_whose_age_cannot_be_read_is_as_old_as_can_be(ages: list[str]) -> None:
    joined = CacheHeaders()
    joined.add([(b"cache-control", b"max-age=60"), *((b"age", age.encode()) for age in ages)])

    assert dict(joined.headers(degraded=False, personal=False))[b"cache-control"] == b"max-age=0"


@given(st.lists(st.binary(max_size=60), max_size=4))
def test_whatever_services_say_the_field_is_one_that_can_be_sent(values: list[bytes]) -> None:
    joined = CacheHeaders()
    for value in values:
        joined.add([(b"cache-control", value), (b"age", value)])
    field = dict(joined.headers(degraded=False, personal=False))[b"cache-control"]

    assert field.isascii()
    assert field.decode().isprintable()


async def test_headers_about_caching_are_merged_and_all_others_stay_behind(join: Join) -> None:
    world = await join(
        TWO,
        said(
            "1",
            (b"cache-control", b"public, max-age=60"),
            (b"vary", b"Accept-Language, Origin"),
            (b"set-cookie", b"a=b"),
            (b"etag", b'"x"'),
            (b"x-inside", b"1"),
        ),
        said(
            "2",
            (b"cache-control", b"public"),
            (b"cache-control", b"max-age=30"),
            (b"vary", b"origin"),
            (b"set-cookie", b"c=d"),
        ),
    )

    answer = await world.http.get("/a/A")

    assert answer.headers["cache-control"] == "public, max-age=30"
    assert sorted(answer.headers["vary"].split(", ")) == ["accept", "accept-language", "origin"]
    assert answer.headers["etag"] != '"x"'
    assert {"set-cookie", "x-inside"}.isdisjoint(answer.headers)


async def test_what_a_token_was_needed_for_is_private(join: Join, bearer: MakeToken) -> None:
    fresh = (b"cache-control", b"max-age=60")
    world = await join(TWO, said("1", fresh), said("2", fresh), auth="bearer")

    answer = await world.http.get("/a/A", headers=bearer("reader"))

    assert answer.headers["cache-control"] == "private, max-age=60"


async def test_an_element_that_is_no_more_counts_as_heard(join: Join) -> None:
    parts = 'parts.a = { from = "inventory:/p" }\nparts.b = { from = "catalog:/p/{each}", each = "a.l" }'
    fresh = (b"cache-control", b"max-age=60")
    world = await join(parts, said("{}", status=404), said('{"l":["x"]}', fresh))

    answer = await world.http.get("/a/A")

    assert answer.json()["b"] == []
    assert answer.headers["cache-control"] == "no-cache"
