"""How long a page may take, and what it tells services of that."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx
import pytest
from msgspec import Struct

from gateway.page import Cache, Page, Provider
from gateway.upstream import Request, Service, Upstream, field
from tests.gateway.page.conftest import AppOf, Serve
from tests.gateway.upstream.fakes import Fake, answering, hanging
from tests.support.gateways import gateway_of
from tests.support.serving import client_of, servers
from tests.support.stub import Stub
from tests.support.stub import answering as saying

LONG = 60.0
"""Seconds that no test takes."""

GARBAGE = ["soon", "-5", "1.5", "1e3", "0x10", "", "1000000000", "²", "5, 5"]


class Ware(Struct):
    """A view."""

    name: str


def told(request: Request) -> int:
    """The milliseconds that a service was told."""
    value = field(request.headers, b"x-timeout-ms")
    assert value is not None
    return int(value)


def provided(wares: Fake) -> Mapping[type, Provider]:
    upstream = Upstream("wares", wares)
    return {Service: lambda inbound: upstream.within(inbound.context)}


def page_of(
    deadline: float = LONG, within: float | None = None, cache: Cache | None = None, *, optional: bool = False
) -> Page:
    """A page of a ware, that is asked for `within` so many seconds."""
    page = Page("/ware", deadline=deadline)

    @page.source(timeout=within, cache=cache, fallback=(lambda: None) if optional else None)
    async def ware(wares: Service) -> None:
        return await wares.get("/wares/1", type(None))

    @page.view
    def view(ware: None) -> Ware:
        return Ware("pen")

    return page


@pytest.fixture
def wares() -> Fake:
    return Fake()


@pytest.mark.parametrize(
    ("deadline", "within", "most"), [(60, None, 60_000), (60, 20, 20_000), (20, 60, 20_000)]
)
async def test_a_service_is_told_the_time_of_its_source_or_of_the_page_whichever_is_less(
    serve: Serve, wares: Fake, deadline: float, within: float | None, most: int
) -> None:
    async with serve(page_of(deadline, within), providers=provided(wares)) as http:
        await http.get("/ware")

    [request] = wares.asked
    assert most / 2 < told(request) <= most
    assert request.timeout <= most / 1000


async def test_time_that_has_passed_is_not_given_again(serve: Serve, wares: Fake) -> None:
    page = Page("/ware", deadline=LONG)

    async def pass_by() -> None:
        passed = asyncio.Event()
        asyncio.get_running_loop().call_later(0.05, passed.set)
        await passed.wait()

    @page.source()
    async def first(wares: Service) -> None:
        await wares.get("/first", type(None))
        await pass_by()
        await wares.get("/again", type(None))

    @page.source()
    async def second(first: None, wares: Service) -> None:
        await pass_by()
        await wares.get("/second", type(None))

    @page.view
    def view(second: None) -> str:
        return "all"

    async with serve(page, providers=provided(wares)) as http:
        await http.get("/ware")

    at_first, again, at_last = map(told, wares.asked)
    assert at_first - again >= 45  # by the timer's grain less than 50
    assert again - at_last >= 45


@pytest.mark.parametrize("told_to_us", ["1", "40"])
async def test_a_page_ends_when_who_asks_for_it_has_no_more_time(
    serve: Serve, wares: Fake, told_to_us: str
) -> None:
    wares.answer = hanging
    async with asyncio.timeout(10), serve(page_of(), providers=provided(wares)) as http:
        answer = await http.get("/ware", headers={"X-Timeout-Ms": told_to_us})

    assert (answer.status_code, answer.json()["source"]) == (504, "ware")
    assert all(told(request) <= int(told_to_us) for request in wares.asked)


async def test_when_there_is_no_time_at_all_nobody_is_asked(serve: Serve, wares: Fake) -> None:
    async with serve(page_of(), providers=provided(wares)) as http:
        answer = await http.get("/ware", headers={"X-Timeout-Ms": "0"})

    assert (answer.status_code, answer.json()["source"]) == (504, "ware")
    assert wares.asked == []


async def test_when_there_is_no_time_at_all_a_page_that_can_do_without_is_answered(
    serve: Serve, wares: Fake
) -> None:
    async with serve(page_of(optional=True), providers=provided(wares)) as http:
        answer = await http.get("/ware", headers={"X-Timeout-Ms": "0"})

    assert (answer.status_code, answer.headers["page-degraded"]) == (200, "ware;reason=timeout")
    assert wares.asked == []


async def test_when_there_is_no_time_at_all_an_older_result_stands_in(serve: Serve, wares: Fake) -> None:
    old = Cache(ttl=0.001, stale_if_error=LONG)
    async with serve(page_of(cache=old), providers=provided(wares)) as http:
        await http.get("/ware")
        expired = asyncio.Event()
        asyncio.get_running_loop().call_later(0.02, expired.set)
        await expired.wait()
        answer = await http.get("/ware", headers={"X-Timeout-Ms": "0"})

    assert (answer.status_code, len(wares.asked)) == (200, 1)


async def test_more_time_than_the_page_has_is_not_taken(serve: Serve, wares: Fake) -> None:
    async with serve(page_of(deadline=20), providers=provided(wares)) as http:
        await http.get("/ware", headers={"X-Timeout-Ms": "60000"})

    assert told(wares.asked[0]) <= 20_000


@pytest.mark.parametrize("garbage", GARBAGE)
async def test_what_tells_no_time_is_passed_over(serve: Serve, wares: Fake, garbage: str) -> None:
    async with serve(page_of(), providers=provided(wares)) as http:
        answer = await http.get("/ware", headers={b"x-timeout-ms": garbage.encode("latin-1")})

    assert answer.status_code == 200
    assert LONG * 500 < told(wares.asked[0]) <= LONG * 1000


async def test_a_source_that_needs_no_time_is_answered_even_then(serve: Serve) -> None:
    page = Page("/ware", deadline=LONG)

    @page.source()
    async def ware() -> str:
        return "pen"

    @page.view
    def view(ware: str) -> Ware:
        return Ware(ware)

    async with serve(page) as http:
        answer = await http.get("/ware", headers={"X-Timeout-Ms": "0"})

    assert (answer.status_code, answer.json()) == (200, {"name": "pen"})


# Through the gateway.

ROUTES = """
[services.wares]
url = "registry://wares"

[[routes]]
path = "/ware"
to = "wares"
auth = "none"
timeout = "20s"

[[routes]]
path = "/joined"
auth = "none"
timeout = "40s"
parts.one = { from = "wares:/one" }
parts.two = { from = "wares:/two", timeout = "20s", optional = true, else = {} }
"""


@asynccontextmanager
async def gateway_before(stub: Stub) -> AsyncIterator[httpx.AsyncClient]:
    async with servers() as serve:
        gateway = gateway_of(ROUTES, {"wares": await serve(stub)})
        async with client_of(await serve(gateway)) as http:
            yield http


async def test_a_client_does_not_tell_services_how_long_they_may_take() -> None:
    stub = Stub()
    async with gateway_before(stub) as http:
        await http.get("/ware", headers=[("X-Timeout-Ms", "1"), ("x-timeout-ms", "2")])

    assert stub.last.all(b"x-timeout-ms") == [b"20000"]


async def test_the_parts_of_an_aggregate_are_told_too() -> None:
    stub = Stub(saying(200, b"{}", (b"content-type", b"application/json")))
    async with gateway_before(stub) as http:
        answer = await http.get("/joined", headers={"X-Timeout-Ms": "1"})

    assert answer.status_code == 200
    times = {exchange.path: [int(ms) for ms in exchange.all(b"x-timeout-ms")] for exchange in stub.asked}
    [one], [two] = times[b"/one"], times[b"/two"]
    assert 20_000 < one <= 40_000
    assert 10_000 < two <= 20_000


async def test_a_bff_gets_its_time_from_the_gateway(app_of: AppOf, wares: Fake) -> None:
    wares.answer = answering(200)
    app = app_of(page_of(), providers=provided(wares))
    async with servers() as serve:
        gateway = gateway_of(ROUTES, {"wares": await serve(app)})
        async with client_of(await serve(gateway)) as http:
            assert (await http.get("/ware")).status_code == 200

    assert 10_000 < told(wares.asked[0]) <= 20_000
