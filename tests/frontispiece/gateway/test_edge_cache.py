"""The cache in a running gateway, on real sockets."""

import asyncio
import time

import pytest

from frontispiece.gateway.config import table
from frontispiece.gateway.policies.cache.config import CacheSettings
from frontispiece.http.problems import TYPE_PREFIX as PREFIX
from tests.conftest import MakeToken
from tests.support.serving import Serve
from tests.support.stub import Exchange, Stub, answering, waiting
from tests.support.tables import errors_of, route, route_table
from tests.support.waiting import until
from tests.support.world import OpenWorld, World

ROUTES = route_table(
    route("/things/{rest:path}", cache={"stale_if_error": "1h"}, collapse=True),
    route("/things/{rest:path}", methods=["PUT", "DELETE"]),
    route("/account/{rest:path}", auth="bearer", cache={"ttl": "1h"}),
    route("/compressed", cache={}, compression={"codings": ["gzip"]}),
    route("/plain"),
)


FRESH = (b"cache-control", b"max-age=60")


@pytest.fixture
async def caching(open_world: OpenWorld) -> World:
    """A gateway with `ROUTES`."""
    return await open_world(ROUTES)


async def test_a_stored_response_is_served_with_its_own_date_and_its_age(caching: World) -> None:
    caching.things.answer = answering(200, b"a", FRESH, (b"age", b"10"), (b"x-request-id", b"theirs"))
    first = await caching.http.get("/things/7")
    later(caching, 30)
    again = await caching.http.get("/things/7")

    assert len(caching.things.requests) == 1
    assert first.headers["cache-status"] == "gateway; fwd=uri-miss; fwd-status=200; stored"
    assert again.headers["cache-status"].startswith("gateway; hit; ttl=")
    assert again.content == b"a"
    assert first.headers.get_list("date") == again.headers.get_list("date")
    assert len(first.headers.get_list("date")) == 1
    assert 40 <= int(again.headers["age"]) < 60
    assert first.headers["x-request-id"] != again.headers["x-request-id"] != "theirs"
    assert 'gateway_cache_total{outcome="hit",route="/things/{rest:path}"} 1.0' in caching.metrics()


def later(caching: World, seconds: float) -> None:
    """Let it be later for the cache."""
    assert caching.gateway.cache is not None
    caching.gateway.cache.now = lambda: time.time() + seconds


async def test_a_range_is_a_part_of_the_stored_response_and_is_never_compressed(caching: World) -> None:
    content = b"much the same again and again. " * 100
    text = (b"content-type", b"text/plain")
    caching.things.answer = answering(200, content, FRESH, text, (b"etag", b'"v1"'))
    whole = await caching.http.get("/compressed")
    part = await caching.http.get("/compressed", headers={"range": "bytes=5-9", "if-range": '"v1"'})
    beyond = await caching.http.get("/compressed", headers={"range": "bytes=9999-"})

    assert (whole.content, whole.headers["content-encoding"]) == (content, "gzip")
    assert (part.status_code, part.content, part.headers["etag"]) == (206, content[5:10], '"v1"')
    assert part.headers["content-range"] == f"bytes 5-9/{len(content)}"
    assert "content-encoding" not in part.headers
    assert (beyond.status_code, beyond.json()["type"]) == (416, f"{PREFIX}range-not-satisfiable")
    assert beyond.headers["content-range"] == f"bytes */{len(content)}"
    assert len(caching.things.requests) == 1
    weak = {"range": "bytes=5-9", "if-range": whole.headers["etag"]}
    assert (await caching.http.get("/compressed", headers=weak)).status_code == 200


async def test_concurrent_calls_are_collapsed(caching: World) -> None:
    go = asyncio.Event()
    caching.things.answer = waiting(go, answering(200, b"a", FRESH))
    tasks = [asyncio.create_task(caching.http.get("/things/7")) for _ in range(8)]
    await until(lambda: 'gateway_requests_in_flight{route="/things/{rest:path}"} 8.0' in caching.metrics())
    go.set()

    assert {one.content for one in await asyncio.gather(*tasks)} == {b"a"}
    assert len(caching.things.requests) == 1


POISON = [
    "forwarded",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-http-method-override",
    "x-original-url",
    "x-rewrite-url",
]


async def test_a_header_that_would_poison_the_cache_does_not_reach_the_service(caching: World) -> None:
    async def echoing(exchange: Exchange) -> None:
        await answering(200, b", ".join(value for _, value in exchange.headers), FRESH)(exchange)

    caching.things.answer = echoing
    for header in POISON:
        await caching.http.get(f"/things/{header}", headers={header: "evil.example"})

        again = await caching.http.get(f"/things/{header}")
        assert again.headers["cache-status"].startswith("gateway; hit")
        assert b"evil" not in again.content, header


async def test_a_personal_response_is_not_stored_whatever_its_path_looks_like(
    caching: World, bearer: MakeToken
) -> None:
    numbers = iter(range(100))

    async def personal(exchange: Exchange) -> None:
        await answering(200, b"%d" % next(numbers), (b"content-type", b"text/css"))(exchange)

    caching.things.answer = personal
    for path in ("/account/me.css", "/account/me/x.js", "/account/me;x.png", "/account/me%3Fx.css"):
        served = [(await caching.http.get(path, headers=bearer(user))).content for user in ("a", "a", "b")]

        assert len(set(served)) == 3, path
        assert (await caching.http.get(path)).status_code == 401


async def test_a_public_response_of_an_authenticated_route_is_for_authenticated_callers(
    caching: World, bearer: MakeToken
) -> None:
    caching.things.answer = answering(200, b"a", (b"cache-control", b"public, max-age=60"))
    for user in ("a", "b"):
        assert (await caching.http.get("/account/list", headers=bearer(user))).content == b"a"

    assert len(caching.things.requests) == 1
    assert (await caching.http.get("/account/list")).status_code == 401


async def test_two_gateways_share_stored_responses_and_purges(
    serve: Serve, open_world: OpenWorld, valkey_url: str
) -> None:
    things = Stub(answering(200, b"old", (b"cache-control", b"max-age=600")))
    url, caching = await serve(things), CacheSettings(valkey_url=valkey_url)
    one, other = [await open_world(ROUTES, caching=caching, things=url) for _ in range(2)]
    host = {"host": "shop.example"}
    await one.http.get("/things/7", headers=host)
    async with asyncio.timeout(60):
        while "hit" not in (hit := await other.http.get("/things/7", headers=host)).headers["cache-status"]:
            pass
    assert hit.content == b"old"

    assert one.gateway.cache is not None
    things.answer = answering(200, b"new", FRESH)
    assert await one.gateway.cache.purge("/things/7") == 1
    assert (await one.http.get("/things/7", headers=host)).content == b"new"


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ('cache = { ttl = "soon" }', "is no duration"),
        ('cache = { max_body_size = "0B" }', "greater than or equal to 1"),
        ('cache = { public = "yes" }', "neither true nor false"),
        ('cache = { tags = ["a b"] }', "a word of up to 128 characters without commas"),
        ("cache = { size = 1 }", "unknown key"),
        ('methods = ["PUT"]\ncache = {}', "cache is for GET"),
        ("collapse = true", "collapse shares responses between callers"),
    ],
)
def test_an_invalid_policy_is_refused(line: str, error: str) -> None:
    assert error in errors_of(route(more=line))[0]


async def test_calls_invalidate_stored_responses_while_the_table_caches_nothing(caching: World) -> None:
    caching.things.answer = answering(200, b"old", FRESH)
    await caching.http.get("/things/7")
    lines = [line for line in ROUTES.splitlines() if not line.startswith(("cache", "collapse"))]
    await caching.gateway.serve_table(table.parse("\n".join(lines)))
    await caching.http.put("/things/7", content=b"new")
    caching.things.answer = answering(200, b"new", FRESH)
    await caching.gateway.serve_table(table.parse(ROUTES))

    assert (await caching.http.get("/things/7")).content == b"new"
