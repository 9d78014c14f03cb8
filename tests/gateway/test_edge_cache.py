"""The cache in a running gateway, on real sockets."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
from prometheus_client import generate_latest

from gateway import table
from gateway.app import Gateway
from gateway.cache.settings import CacheSettings
from kit.faults import Faulty
from tests.conftest import MakeToken
from tests.support.gateways import gateway_of
from tests.support.issuer import Issuer
from tests.support.serving import Serve, client_of
from tests.support.stub import Exchange, Stub, answering
from tests.support.waiting import until

ROUTES = """
[services.things]
url = "registry://things"

[[routes]]
path = "/things/{rest:path}"
to = "things"
auth = "none"
cache = { stale_if_error = "1h" }
coalesce = true

[[routes]]
path = "/things/{rest:path}"
methods = ["PUT", "DELETE"]
to = "things"
auth = "none"

[[routes]]
path = "/account/{rest:path}"
to = "things"
auth = "bearer"
cache = { ttl = "1h" }

[[routes]]
path = "/plain"
to = "things"
auth = "none"
"""

LONE = """
[services.things]
url = "http://127.0.0.1:1"

[[routes]]
path = "/a"
to = "things"
auth = "none"
"""

FRESH = (b"cache-control", b"max-age=60")


@dataclass(frozen=True, kw_only=True)
class Caching:
    """A gateway, its client, and the service behind it."""

    gateway: Gateway
    http: httpx.AsyncClient
    things: Stub


@pytest.fixture
async def caching(serve: Serve, issuer: Issuer, signing_key: str) -> AsyncIterator[Caching]:
    """A gateway with `ROUTES`."""
    things = Stub()
    gateway = gateway_of(ROUTES, {"things": await serve(things)}, key=signing_key, issuer=issuer)
    async with client_of(await serve(gateway)) as http:
        yield Caching(gateway=gateway, http=http, things=things)


async def test_an_answer_is_given_again_with_its_own_date_and_its_age(caching: Caching) -> None:
    caching.things.answer = answering(200, b"a", FRESH, (b"age", b"10"), (b"x-request-id", b"theirs"))
    first = await caching.http.get("/things/7")
    later(caching, 30)
    again = await caching.http.get("/things/7")

    assert len(caching.things.asked) == 1
    assert first.headers["cache-status"] == "gateway; fwd=uri-miss; fwd-status=200; stored"
    assert again.headers["cache-status"].startswith("gateway; hit; ttl=")
    assert again.content == b"a"
    assert first.headers.get_list("date") == again.headers.get_list("date")
    assert len(first.headers.get_list("date")) == 1
    assert 40 <= int(again.headers["age"]) < 60
    assert first.headers["x-request-id"] != again.headers["x-request-id"] != "theirs"
    assert 'gateway_cache_total{outcome="hit",route="/things/{rest:path}"} 1.0' in metrics(caching)


def later(caching: Caching, seconds: float) -> None:
    """Let it be later for the cache."""
    assert caching.gateway.cache is not None
    caching.gateway.cache.now = lambda: time.time() + seconds


def metrics(caching: Caching) -> str:
    """What the admin port would show."""
    return generate_latest(caching.gateway.metrics.registry).decode()


async def test_every_answer_has_one_date(caching: Caching) -> None:
    for path in ("/things/7", "/things/7", "/plain", "/nothing", "/health/live"):
        assert len((await caching.http.get(path)).headers.get_list("date")) == 1


async def test_head_and_conditions_are_answered_on_the_wire(caching: Caching) -> None:
    caching.things.answer = answering(200, b"four", FRESH, (b"etag", b'"v1"'))
    await caching.http.get("/things/7")
    head = await caching.http.head("/things/7")
    held = await caching.http.get("/things/7", headers={"if-none-match": '"v1"'})

    assert (head.status_code, head.headers["content-length"], head.content) == (200, "4", b"")
    assert (held.status_code, held.content, held.headers["etag"]) == (304, b"", '"v1"')
    assert len(caching.things.asked) == 1


async def test_a_write_on_another_route_ends_what_is_kept(caching: Caching) -> None:
    caching.things.answer = answering(200, b"old", FRESH)
    await caching.http.get("/things/a%62c")
    caching.things.answer = answering(200, b"new", FRESH)
    await caching.http.put("/things/abc", content=b"{}")

    assert (await caching.http.get("/things/abc")).content == b"new"


async def test_concurrent_calls_make_one(caching: Caching) -> None:
    go = asyncio.Event()

    async def slow(exchange: Exchange) -> None:
        await go.wait()
        await answering(200, b"a", FRESH)(exchange)

    caching.things.answer = slow
    tasks = [asyncio.create_task(caching.http.get("/things/7")) for _ in range(8)]
    await until(lambda: 'gateway_requests_in_flight{route="/things/{rest:path}"} 8.0' in metrics(caching))
    go.set()

    assert {one.content for one in await asyncio.gather(*tasks)} == {b"a"}
    assert len(caching.things.asked) == 1


async def test_when_the_service_breaks_off_what_is_kept_is_given(caching: Caching) -> None:
    caching.things.answer = answering(200, b"old", FRESH)
    await caching.http.get("/things/7")
    later(caching, 70)

    async def breaking(exchange: Exchange) -> None:
        await exchange.start(200, (b"content-length", b"-1"))

    caching.things.answer = breaking
    told = await caching.http.get("/things/7")

    assert (told.status_code, told.content) == (200, b"old")
    assert told.headers["cache-status"].endswith("detail=stale-if-error")


@pytest.mark.parametrize(
    "header",
    [
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-original-url",
        "x-rewrite-url",
        "x-http-method-override",
        "forwarded",
    ],
)
async def test_a_header_that_would_poison_what_is_kept_does_not_reach_the_service(
    caching: Caching, header: str
) -> None:
    async def echoing(exchange: Exchange) -> None:
        said = b", ".join(value for _, value in exchange.headers)
        await answering(200, said, FRESH)(exchange)

    caching.things.answer = echoing
    await caching.http.get("/things/7", headers={header: "evil.example"})

    again = await caching.http.get("/things/7")
    assert again.headers["cache-status"].startswith("gateway; hit")
    assert b"evil" not in again.content


async def test_an_answer_that_depends_on_the_host_is_given_to_that_host_alone(caching: Caching) -> None:
    async def echoing(exchange: Exchange) -> None:
        await answering(200, exchange.all(b"x-forwarded-host")[0], FRESH)(exchange)

    caching.things.answer = echoing
    await caching.http.get("/things/7", headers={"host": "evil.example"})

    assert b"evil" not in (await caching.http.get("/things/7")).content


@pytest.mark.parametrize(
    "path", ["/account/me.css", "/account/me/x.js", "/account/me;x.png", "/account/me%3Fx.css"]
)
async def test_a_users_answer_is_not_kept_whatever_its_path_looks_like(
    caching: Caching, bearer: MakeToken, path: str
) -> None:
    numbers = iter(range(100))

    async def personal(exchange: Exchange) -> None:
        await answering(200, b"%d" % next(numbers), (b"content-type", b"text/css"))(exchange)

    caching.things.answer = personal
    told = [(await caching.http.get(path, headers=bearer(user))).content for user in ("a", "a", "b")]

    assert told == [b"0", b"1", b"2"]
    assert (await caching.http.get(path)).status_code == 401


async def test_what_is_public_among_users_is_given_to_nobody_who_may_not_call(
    caching: Caching, bearer: MakeToken
) -> None:
    caching.things.answer = answering(200, b"a", (b"cache-control", b"public, max-age=60"))
    for user in ("a", "b"):
        assert (await caching.http.get("/account/list", headers=bearer(user))).content == b"a"

    assert len(caching.things.asked) == 1
    assert (await caching.http.get("/account/list")).status_code == 401


async def test_two_gateways_share_what_they_keep_and_what_they_purge(
    serve: Serve, issuer: Issuer, signing_key: str, valkey_url: str
) -> None:
    things = Stub(answering(200, b"old", (b"cache-control", b"max-age=600")))
    url = await serve(things)
    settings = CacheSettings(valkey_url=valkey_url)
    one, other = (
        gateway_of(ROUTES, {"things": url}, key=signing_key, issuer=issuer, caching=settings)
        for _ in range(2)
    )
    async with client_of(await serve(one)) as first, client_of(await serve(other)) as second:
        host = {"host": "shop.example"}
        await first.get("/things/7", headers=host)
        async with asyncio.timeout(10):
            while "hit" not in (told := await second.get("/things/7", headers=host)).headers["cache-status"]:
                pass
        assert told.content == b"old"

        assert one.cache is not None
        things.answer = answering(200, b"new", FRESH)
        assert await one.cache.purge("/things/7") == 1
        assert (await first.get("/things/7", headers=host)).content == b"new"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('cache = { ttl = "soon" }', "is no duration"),
        ("cache = { largest = 0 }", "greater than or equal to 1"),
        ('cache = { public = "yes" }', "valid boolean"),
        ('cache = { tags = ["a b"] }', "match pattern"),
        ("cache = { size = 1 }", "Extra inputs"),
        ('methods = ["PUT"]\ncache = {}', "cache keeps answers to GET"),
        ("coalesce = true", "coalesce gives one answer to several callers"),
    ],
)
def test_a_faulty_policy_is_told_by_name(line: str, said: str) -> None:
    with pytest.raises(Faulty, match=said):
        table.parse(f"{LONE}{line}")


async def test_a_table_without_a_cache_has_none() -> None:
    text = (
        '[services.things]\nurl = "http://127.0.0.1:1"\n[[routes]]\npath = "/a"\nto = "things"\nauth = "none"'
    )

    assert gateway_of(text, {}).cache is None


async def test_what_changes_while_a_table_caches_nothing_is_forgotten_all_the_same(caching: Caching) -> None:
    caching.things.answer = answering(200, b"old", FRESH)
    await caching.http.get("/things/7")
    lines = [line for line in ROUTES.splitlines() if not line.startswith(("cache", "coalesce"))]
    await caching.gateway.serve_table(table.parse("\n".join(lines)))
    await caching.http.put("/things/7", content=b"new")
    caching.things.answer = answering(200, b"new", FRESH)
    await caching.gateway.serve_table(table.parse(ROUTES))

    assert (await caching.http.get("/things/7")).content == b"new"
