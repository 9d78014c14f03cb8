"""How long a page may take, and what it tells services of that."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from frontispiece.pages import Cache, Page, Provider
from frontispiece.upstream import Request, Service, Upstream, field
from tests.frontispiece.pages.conftest import Serve
from tests.frontispiece.upstream.fakes import Fake, hanging
from tests.support.pages import ware_page
from tests.support.serving import client_of, servers
from tests.support.stub import Stub
from tests.support.stub import answering as responding
from tests.support.tables import route, route_table
from tests.support.world import gateway_of

LONG = 60.0
"""Seconds that no test takes."""

GARBAGE = ["soon", "-5", "1.5", "1e3", "0x10", "", "1000000000", "²", "5, 5"]


def timeout_of(request: Request) -> int:
    """The milliseconds that a service was sent."""
    value = field(request.headers, b"x-timeout-ms")
    assert value is not None
    return int(value)


def provided(wares: Fake) -> Mapping[type, Provider]:
    upstream = Upstream("wares", wares)
    return {Service: lambda inbound: upstream.within(inbound.context)}


def page_of(
    deadline: float = LONG, within: float | None = None, cache: Cache | None = None, *, optional: bool = False
) -> Page:
    """A page of a ware, that is loaded `within` so many seconds."""

    async def ware(wares: Service) -> None:
        return await wares.get("/wares/1", type(None))

    policy: dict[str, Any] = {
        "timeout": within,
        "cache": cache,
        "fallback": (lambda: None) if optional else None,
    }
    return ware_page(ware, deadline=deadline, **policy)


@pytest.fixture
def wares() -> Fake:
    return Fake()


async def test_the_timeout_header_shrinks_with_the_time_that_has_passed(serve: Serve, wares: Fake) -> None:
    async def pass_by() -> None:
        passed = asyncio.Event()
        asyncio.get_running_loop().call_later(0.05, passed.set)
        await passed.wait()

    async def first(wares: Service) -> None:
        await wares.get("/first", type(None))
        await pass_by()
        await wares.get("/again", type(None))

    async def ware(first: None, wares: Service) -> None:
        await pass_by()
        await wares.get("/second", type(None))

    async with serve(ware_page(first, ware, deadline=LONG), providers=provided(wares)) as http:
        await http.get("/ware")

    at_first, again, at_last = map(timeout_of, wares.requests)
    assert at_first - again >= 45  # by the timer's grain less than 50
    assert again - at_last >= 45


@pytest.mark.parametrize("header", ["1", "40"])
async def test_the_callers_timeout_header_shortens_the_pages_deadline(
    serve: Serve, wares: Fake, header: str
) -> None:
    wares.answer = hanging
    async with asyncio.timeout(30), serve(page_of(), providers=provided(wares)) as http:
        answer = await http.get("/ware", headers={"X-Timeout-Ms": header})

    assert (answer.status_code, answer.json()["source"]) == (504, "ware")
    assert all(timeout_of(request) <= int(header) for request in wares.requests)


async def test_without_time_left_no_service_is_called(serve: Serve, wares: Fake) -> None:
    required, optional = page_of(), page_of(optional=True)
    optional.path = "/optional"
    async with serve(required, optional, providers=provided(wares)) as http:
        failed, degraded = [await http.get(p, headers={"X-Timeout-Ms": "0"}) for p in ("/ware", "/optional")]

    assert (failed.status_code, failed.json()["source"]) == (504, "ware")
    assert (degraded.status_code, degraded.headers["page-degraded"]) == (200, "ware;reason=timeout")
    assert wares.requests == []


async def test_when_there_is_no_time_at_all_an_older_result_stands_in(serve: Serve, wares: Fake) -> None:
    old = Cache(ttl=0.001, stale_if_error=LONG)
    async with serve(page_of(cache=old), providers=provided(wares)) as http:
        await http.get("/ware")
        expired = asyncio.Event()
        asyncio.get_running_loop().call_later(0.02, expired.set)
        await expired.wait()
        answer = await http.get("/ware", headers={"X-Timeout-Ms": "0"})

    assert (answer.status_code, len(wares.requests)) == (200, 1)


@pytest.mark.parametrize("garbage", GARBAGE)
async def test_an_invalid_timeout_header_is_ignored(serve: Serve, wares: Fake, garbage: str) -> None:
    async with serve(page_of(), providers=provided(wares)) as http:
        answer = await http.get("/ware", headers={b"x-timeout-ms": garbage.encode("latin-1")})

    assert answer.status_code == 200
    assert LONG * 500 < timeout_of(wares.requests[0]) <= LONG * 1000


# Through the gateway.

ROUTES = route_table(
    route("/ware", to="wares", timeout="20s"),
    route(
        "/joined",
        timeout="40s",
        parts={
            "one": {"from": "wares:/one"},
            "two": {"from": "wares:/two", "timeout": "20s", "optional": True, "fallback": {}},
        },
    ),
)


@asynccontextmanager
async def gateway_before(stub: Stub) -> AsyncIterator[httpx.AsyncClient]:
    async with servers() as serve:
        gateway = gateway_of(ROUTES, {"wares": await serve(stub)})
        async with client_of(await serve(gateway)) as http:
            yield http


async def test_a_clients_timeout_header_does_not_reach_services() -> None:
    stub = Stub()
    async with gateway_before(stub) as http:
        await http.get("/ware", headers=[("X-Timeout-Ms", "1"), ("x-timeout-ms", "2")])

    assert stub.last.all(b"x-timeout-ms") == [b"20000"]


async def test_the_parts_of_an_aggregate_get_a_timeout_header() -> None:
    stub = Stub(responding(200, b"{}", (b"content-type", b"application/json")))
    async with gateway_before(stub) as http:
        answer = await http.get("/joined", headers={"X-Timeout-Ms": "1"})

    assert answer.status_code == 200
    times = {exchange.path: [int(ms) for ms in exchange.all(b"x-timeout-ms")] for exchange in stub.requests}
    [one], [two] = times[b"/one"], times[b"/two"]
    assert 20_000 < one <= 40_000
    assert 10_000 < two <= 20_000
