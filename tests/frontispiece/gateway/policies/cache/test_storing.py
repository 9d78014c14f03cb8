"""RFC 9111, section 3: which responses are stored. The number in front of a sentence is the section."""

from typing import Any

import pytest

from frontispiece.upstream import InvalidResponse
from tests.support.cached import USER, World, call, read, reply, streamed

FRESH: dict[str, Any] = {"cache_control": "max-age=60"}
TTL: dict[str, Any] = {"ttl": "30s"}
AUTHENTICATED: list[dict[str, Any]] = [{"authorization": "Bearer x"}, {"cookie": "a=1"}, {"identity": USER}]


async def is_stored(policy: dict[str, Any], request: dict[str, Any], response: dict[str, Any]) -> bool:
    """Whether the next call gets this response from the cache."""
    world = World(**policy)
    world.origin.says(**response)
    await world.ask(**({"method": "GET"} | request))
    return (await world.get()).is_hit


def control(*values: str) -> list[dict[str, Any]]:
    return [{"cache_control": value} for value in values]


def status(*values: int, **fields: Any) -> list[dict[str, Any]]:
    return [{"status": value} | fields for value in values]


STORED: dict[str, tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]] = {
    "3: a final status with an explicit lifetime": (
        {},
        [{}],
        status(200, 203, 300, 301, 302, 307, 308, 404, 405, 410, 414, 451, 500, 501, 503, 299, 499, **FRESH),
    ),
    "3: a response without a lifetime, where the route has one": (TTL, [{}], [{}]),
    "3.5: with credentials, what is explicitly public": (
        {},
        AUTHENTICATED,
        control("max-age=60, public", "s-maxage=60"),
    ),
    "3.5: with credentials, anything on a public route": ({"ttl": "1h", "public": True}, AUTHENTICATED, [{}]),
    "5.2.2.3: must-understand overrides no-store for an understood status": (
        {},
        [{}],
        status(200, 404, cache_control="must-understand, no-store, max-age=60"),
    ),
}

NOT_STORED: dict[str, tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]] = {
    "3: a response that is not whole": ({}, [{}], status(206, 304, **FRESH)),
    "3: a response to another method than GET": (
        {},
        [{"method": method} for method in ("HEAD", "POST", "PUT", "PATCH", "DELETE")],
        [FRESH],
    ),
    "3: a response without a lifetime, whatever its age": (
        {},
        [{}],
        [{}, {"last_modified": World().clock.date(-(10**6))}],
    ),
    "3: against what the response says, though the route has a lifetime": (
        TTL,
        [{}],
        control(
            "no-store", "private", "no-cache", "max-age=0", "s-maxage=0, max-age=60", "private, max-age=60"
        ),
    ),
    "3: a status that is not cacheable by default, though the route has a lifetime": (
        TTL,
        [{}],
        status(302, 403, 500, 503),
    ),
    "5.2.2.5: no-store": (
        {},
        [{}],
        control("no-store", "max-age=60, no-store", "NO-STORE", "public, no-store, max-age=60"),
    ),
    "5.2.2.7: private, though the route is public": (
        {"public": True},
        [{}],
        control("private", "private, max-age=60", "max-age=60, Private", "s-maxage=9, private"),
    ),
    "a response that sets a cookie": (
        {"public": True, "ttl": "1m"},
        [{}],
        [each | {"set_cookie": "a=1"} for each in control("max-age=60", "public, max-age=60", "s-maxage=60")],
    ),
    "5.2.2.3: must-understand and a status that is not understood": (
        {},
        [{}],
        status(299, 499, cache_control="must-understand, no-store, max-age=60"),
    ),
    "3.5: with credentials, what is not explicitly public": (
        {},
        AUTHENTICATED,
        control("max-age=60", "max-age=60, must-revalidate", "public, private, max-age=60"),
    ),
    "3.5: what varies by credentials, though it is public": (
        {"public": True},
        [{"identity": USER}],
        [
            {"cache_control": "public, max-age=60", "vary": vary}
            for vary in ("authorization", "Cookie", "accept, x-internal-token")
        ],
    ),
    "to a user, without a lifetime, though the route has one": ({"ttl": "1h"}, [{"identity": USER}], [{}]),
    "5.2.1.5: to a request with no-store": ({}, [{"cache_control": "no-store"}], [FRESH]),
    "to a request with a body": ({}, [{"body": b"poison"}], [FRESH]),
}


@pytest.mark.parametrize(
    ("policy", "requests", "responses", "stored"),
    [(*case, True) for case in STORED.values()] + [(*case, False) for case in NOT_STORED.values()],
    ids=[f"stored: {name}" for name in STORED] + [f"not stored: {name}" for name in NOT_STORED],
)
async def test_what_is_stored(
    policy: dict[str, Any], requests: list[dict[str, Any]], responses: list[dict[str, Any]], *, stored: bool
) -> None:
    for request in requests:
        for response in responses:
            assert await is_stored(policy, request, response) is stored, (request, response)


async def test_3_a_response_without_content_is_stored_with_its_status() -> None:
    world = World()
    await world.store(204, b"", **FRESH)

    again = await world.get()
    assert (again.is_hit, again.status, world.requests) == (True, 204, 1)


async def test_5_2_2_4_and_7_of_a_response_with_named_fields_these_are_not_stored() -> None:
    world = World()
    world.origin.says(
        cache_control='max-age=60, private="x-user, X-Cart", no-cache="x-once"',
        x_user="reader",
        x_cart="3",
        x_once="1",
        x_all="1",
    )
    first, second = await world.get(), await world.get()

    assert {"x-user", "x-cart", "x-once"} <= first.headers.keys()
    assert second.is_hit
    assert not {"x-user", "x-cart", "x-once"} & second.headers.keys()
    assert second.headers["x-all"] == "1"


async def test_3_1_fields_of_one_connection_or_one_call_are_not_stored() -> None:
    world = World()
    fields: dict[str, Any] = {
        "x_hop": "1",
        "keep_alive": "5",
        "proxy_authenticate": "Basic",
        "x_request_id": "1",
    }
    await world.store(**FRESH, **fields, connection="x-hop")

    again = await world.get()
    assert again.is_hit
    assert not {"connection", *(name.replace("_", "-") for name in fields)} & again.headers.keys()


@pytest.mark.parametrize("fields", [{"range": "rows=0-1"}, {"if_match": '"a"'}, {"if_unmodified_since": "x"}])
async def test_requests_that_only_the_service_understands_bypass_the_cache_untouched(
    fields: dict[str, Any],
) -> None:
    world = World()
    assert await world.is_stored(**FRESH)
    before = world.requests
    world.origin.says(206, b"b", **FRESH)

    part = await world.get(**fields)
    assert (part.status, part.body, part.cache) == (206, b"b", "gateway; fwd=bypass")
    ((name, value),) = fields.items()
    assert (name.replace("_", "-").encode(), value.encode()) in world.origin.requests[before].headers
    assert (await world.get()).body == b"a"


async def test_3_3_a_streamed_response_is_stored_at_its_end_and_its_first_byte_does_not_wait() -> None:
    world = World()
    world.origin.answer = world.origin.always(lambda: streamed(b"a", b"b", **FRESH))
    answer = await world.handler(call())
    assert not isinstance(answer.body, bytes)
    assert await anext(answer.body) == b"a"
    assert not (await world.get()).is_hit
    async with answer:
        assert [chunk async for chunk in answer.body] == [b"b"]

    again = await world.get()
    assert (again.is_hit, again.body, again.headers["content-length"]) == (True, b"ab", "2")


async def test_3_3_a_response_that_breaks_off_is_not_stored() -> None:
    world = World()
    world.origin.answer = world.origin.always(lambda: streamed(b"a", failure=InvalidResponse("-"), **FRESH))
    for _ in range(2):
        with pytest.raises(InvalidResponse):
            await world.get()


@pytest.mark.parametrize("length", ["1", "3"])
@pytest.mark.parametrize("collapse", [False, True])
async def test_3_3_a_response_of_another_length_than_it_says_is_not_stored(
    length: str, *, collapse: bool
) -> None:
    world = World().collapsing() if collapse else World()
    world.origin.answer = world.origin.always(lambda: streamed(b"a", b"b", **FRESH, content_length=length))
    assert (await world.get()).body == b"ab"

    assert not (await world.get()).is_hit


async def test_a_response_that_is_not_read_to_its_end_is_not_stored() -> None:
    world = World()
    world.origin.answer = world.origin.always(lambda: streamed(b"a", b"b", **FRESH))
    answer = await world.handler(call())
    async for _ in answer.chunks():
        break
    await answer.release()

    assert not (await world.get()).is_hit


@pytest.mark.parametrize(("size", "stored"), [(100, True), (101, False)])
async def test_a_response_is_stored_up_to_the_maximum_size_whole_or_streamed(
    size: int, *, stored: bool
) -> None:
    for answer in (
        lambda: reply(200, b"x" * size, **FRESH),
        lambda: streamed(b"x" * 60, b"x" * (size - 60), **FRESH),
        lambda: streamed(b"x" * size, **FRESH, content_length=str(size)),
    ):
        world = World(max_body_size="100B")
        world.origin.answer = world.origin.always(answer)
        assert (await world.get()).body == b"x" * size
        again = await read(await world.handler(call()))
        assert (again.is_hit, again.body) == (stored, b"x" * size)
