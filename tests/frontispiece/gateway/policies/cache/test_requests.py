"""RFC 9111, sections 4.1 and 5.2.1: which stored responses a request accepts."""

from typing import Any

import pytest

from frontispiece.gateway.call import Call
from frontispiece.http.problems import Problem
from frontispiece.upstream import Reply
from tests.support.cached import World, call, read


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
async def test_5_2_1_a_stored_response_is_served_only_where_the_client_accepts_it(
    control: str, after: int, *, served: bool
) -> None:
    world = World()
    assert await world.is_stored(cache_control="max-age=60")
    world.clock.now += after

    assert (await world.get(cache_control=control)).is_hit is served


async def test_5_4_pragma_counts_where_there_is_no_cache_control() -> None:
    world = World()
    assert await world.is_stored(cache_control="max-age=60")

    assert not (await world.get(pragma="no-cache")).is_hit
    assert (await world.get(pragma="no-cache", cache_control="max-age=5")).is_hit


@pytest.mark.parametrize("control", ["must-revalidate", "proxy-revalidate", "s-maxage=60", "no-cache"])
async def test_4_2_4_a_stale_response_that_forbids_it_is_served_to_no_client(control: str) -> None:
    world = World(stale_while_revalidate="1h", stale_if_error="1h")
    await world.store(cache_control=f"max-age=60, {control}", etag='"v1"')
    world.clock.now += 61
    world.origin.says(503)

    assert (await world.get(cache_control="max-stale")).status == 503
    assert (await world.get()).status == 503
    assert world.requests == 3


@pytest.mark.parametrize("after", [0, 61])
async def test_5_2_1_7_only_if_cached_asks_no_service(after: int) -> None:
    world = World()
    if after:
        await world.is_stored(cache_control="max-age=60")
        world.clock.now += after
    before = world.requests

    with pytest.raises(Problem) as refused:
        await world.get(cache_control="only-if-cached")
    assert (refused.value.status, refused.value.kind, world.requests) == (504, "not-cached", before)


async def test_4_1_a_response_is_only_for_requests_with_the_same_fields_that_it_varies_by() -> None:
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
async def test_4_1_fields_that_mean_the_same_select_the_same_variant(
    name: str, one: str, other: str, *, same: bool
) -> None:
    world = World()
    world.origin.says(cache_control="max-age=60", vary=name.replace("_", "-"))
    await world.get(**{name: one})

    assert (await world.get(**{name: other})).is_hit is same


@pytest.mark.parametrize("vary", ["*", "accept, *"])
async def test_4_1_a_response_that_varies_by_anything_is_not_stored(vary: str) -> None:
    assert not await World(ttl="1m").is_stored(cache_control="max-age=60", vary=vary)


@pytest.mark.parametrize(
    "other", [{"query": "a=2"}, {"host": "other.example"}, {"scheme": "http"}, {"path": "8"}, {"query": ""}]
)
async def test_2_the_key_has_scheme_host_path_and_query(
    other: dict[str, Any],
) -> None:
    world = World()
    world.origin.says(cache_control="max-age=60")
    await world.get(path="7", query="a=1")

    assert not (await world.get(**({"path": "7", "query": "a=1"} | other))).is_hit
    assert (await world.get(path="7", query="a=1")).is_hit
    for same in ("SHOP.example", "shop.example:", "shop.example:443"):
        assert (await world.get(path="7", query="a=1", host=same)).is_hit


async def test_a_list_in_several_lines_is_one_list() -> None:
    def call_with(*lines: tuple[bytes, bytes]) -> Call:
        request = call()
        request.headers += lines
        return request

    world = World()
    lines = [(b"cache-control", b"x"), (b"cache-control", b"max-age=60"), (b"vary", b"a"), (b"vary", b"b")]
    headers = [*lines, (b"etag", b'"2"'), (b"connection", b"x-a"), (b"connection", b"x-b"), (b"x-b", b"1")]
    world.origin.answer = world.origin.always(lambda: Reply.whole(200, b"a", [*headers]))
    tags = [(b"if-none-match", b'"1"'), (b"if-none-match", b'W/"2"')]
    both = [(b"a", b"1"), (b"b", b"2")]
    assert (await read(await world.handler(call_with(*both)))).status == 200
    hit = await read(await world.handler(call_with(*both)))
    assert (hit.is_hit, "x-b" in hit.headers) == (True, False)
    assert not (await read(await world.handler(call_with((b"a", b"1"), (b"b", b"3"))))).is_hit
    assert (await read(await world.handler(call_with(*both, *tags)))).status == 304
    for refusal in (b"cache-control", b"pragma"):
        request = call_with(*both, (refusal, b"y"), (refusal, b"no-cache"))
        assert not (await read(await world.handler(request))).is_hit
