"""Whatever ends a source reaches the sockets of its calls; no connection is used again that is not clean."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import httpx
import pytest

from frontispiece.http.asgi import App
from frontispiece.pages import Hedge, Page, Provider, gather, loader
from frontispiece.upstream import Service, Upstream, UpstreamError, UpstreamServerError
from frontispiece.upstream.transports.http1 import Http1Transport
from tests.frontispiece.pages.conftest import AppOf, Serve
from tests.frontispiece.upstream.peer import Line, Peer, Talk, peer
from tests.support.serving import client_of, servers
from tests.support.tables import route, route_table
from tests.support.world import gateway_of

ROUTES = route_table(
    route("/{rest:path}", to="bff", timeout="60s"),
    services={"bff": f"app://{__name__}:mounted"},
)

Open = Callable[..., Awaitable[httpx.AsyncClient]]


# What the upstream does with a connection.


async def echo(line: Line) -> None:
    """Answer a request with its own target, in pieces."""
    content = b'"%b"' % (await line.request()).split(b" ")[1]
    head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(content)
    await line.say(head[:20], head[20:], content[:4], content[4:])


async def echoing(line: Line, times: int = 1000) -> None:
    """Do so again and again; then take a request and never answer."""
    for _ in range(times):
        await echo(line)
    await never_responding(line)


async def never_responding(line: Line) -> None:
    """Take a request and wait until its client has gone."""
    await line.request()
    await line.left()


async def answering_half(line: Line) -> None:
    """Begin an answer and wait until its client has gone."""
    await line.request()
    await line.say(b'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n"half')
    await line.left()


# Pages, and how they are reached.


def page_of(within: float | None = None, hedge: Hedge | None = None) -> Page:
    """A page of a ware; beside it something fails after so many `ticks`, or when the ware is asked for."""
    page = Page("/wares/{sku}", deadline=60.0)

    @page.source(timeout=within, hedge=hedge, fallback=(lambda: "none") if within else None)
    async def ware(sku: str, wares: Service) -> str:
        return await wares.get(f"/{sku}", str)

    @page.source()
    async def other(server: Peer, ticks: int | None = None) -> None:
        if ticks is None:
            return
        for _ in range(ticks):
            await asyncio.sleep(0)
        while ticks < 0 and not any(line.requests for line in server.lines):  # noqa: ASYNC110 (it has no event)
            await asyncio.sleep(0)
        raise UpstreamServerError("it answered 500")

    @page.view
    def view(ware: str, other: None) -> str:
        return ware

    return page


class Shelf:
    """Loads wares, all in one call."""

    def __init__(self, wares: Service) -> None:
        self._wares = wares

    @loader()
    async def ware(self, skus: Sequence[str]) -> dict[str, str | UpstreamError]:
        return dict.fromkeys(skus, await self._wares.get(f"/{'+'.join(skus)}", str))


def page_of_loads() -> Page:
    """A page of two wares that are loaded in one call."""
    page = Page("/shelf", deadline=60.0)

    @page.source()
    async def wares(shelf: Shelf) -> list[str]:
        return await gather(shelf.ware(sku) for sku in "ab")

    @page.view
    def view(wares: list[str]) -> list[str]:
        return wares

    return page


@asynccontextmanager
async def provided(server: Peer) -> AsyncIterator[dict[type, Provider]]:
    async with Upstream("wares", Http1Transport(server.url)) as wares:
        yield {
            Service: lambda inbound: wares.within(inbound.context),
            Shelf: lambda inbound: Shelf(wares.within(inbound.context)),
            Peer: lambda _inbound: server,
        }


@asynccontextmanager
async def reached(serve: Serve, server: Peer, page: Page) -> AsyncIterator[httpx.AsyncClient]:
    async with asyncio.timeout(60), provided(server) as providers, serve(page, providers=providers) as http:
        yield http


mounted_apps: list[App] = []


def mounted() -> App:
    """What `ROUTES` names."""
    return mounted_apps[-1]


@pytest.fixture(params=["standing alone", "mounted in the gateway"])
async def open_pages(request: pytest.FixtureRequest, app_of: AppOf) -> AsyncIterator[Open]:
    """`http = await open_pages(server, page, …)`: pages on a real socket, in front of the upstream."""
    async with asyncio.timeout(60), AsyncExitStack() as stack:
        serve = await stack.enter_async_context(servers())

        async def open_pages(server: Peer, *pages: Page) -> httpx.AsyncClient:
            providers = await stack.enter_async_context(provided(server))
            app: App = app_of(*pages, providers=providers)
            if request.param != "standing alone":
                mounted_apps.append(app)
                app = gateway_of(ROUTES, {})
            return await stack.enter_async_context(client_of(await serve(app)))

        yield open_pages


# A required source fails.


@pytest.mark.parametrize("talk", [never_responding, answering_half])
async def test_when_a_required_source_fails_the_connections_of_the_others_are_closed(
    serve: Serve, talk: Talk
) -> None:
    async with peer(talk, echoing) as server, reached(serve, server, page_of()) as http:
        assert (await http.get("/wares/1?ticks=-1")).status_code == 502
        await server.lines[0].ended.wait()
        assert (await http.get("/wares/2")).json() == "/2"


async def test_whenever_a_required_source_fails_the_next_call_gets_its_own_answer(serve: Serve) -> None:
    async with peer(*[echoing] * 300) as server, reached(serve, server, page_of()) as http:
        for ticks in range(80):
            assert (await http.get(f"/wares/in-vain-{ticks}?ticks={ticks}")).status_code == 502
            assert (await http.get(f"/wares/{ticks}")).json() == f"/{ticks}"

    assert 1 < len(server.lines) < 80, "some were closed, and others given back"


# A source is late, or not needed any more.


@pytest.mark.parametrize("talk", [never_responding, answering_half])
async def test_the_connection_of_an_optional_source_that_is_late_is_closed(serve: Serve, talk: Talk) -> None:
    async with peer(talk, echoing) as server, reached(serve, server, page_of(within=0.05)) as http:
        answer = await http.get("/wares/1")
        assert (answer.status_code, answer.json()) == (200, "none")
        assert answer.headers["page-degraded"] == "ware;reason=timeout"
        await server.lines[0].ended.wait()


async def test_the_connection_of_a_try_that_lost_is_closed(serve: Serve) -> None:
    talks = partial(echoing, times=10), echoing
    async with peer(*talks) as server, reached(serve, server, page_of(hedge=Hedge(after=0.5))) as http:
        for number in range(11):
            assert (await http.get(f"/wares/{number}")).json() == f"/{number}"
        await server.lines[0].ended.wait()
        assert (await http.get("/wares/last")).json() == "/last"


# The client leaves.


@pytest.mark.parametrize("talk", [never_responding, answering_half])
@pytest.mark.parametrize("path", ["/wares/1", "/shelf"])
async def test_when_the_client_leaves_the_connections_of_its_page_are_closed(
    open_pages: Open, talk: Talk, path: str
) -> None:
    async with peer(talk, echoing) as server:
        http = await open_pages(server, page_of(), page_of_loads())
        waiting = asyncio.create_task(http.get(path))
        await server.until_lines(1)
        waiting.cancel()
        await server.lines[0].ended.wait()

        assert (await http.get("/wares/2")).json() == "/2"
        assert (await http.get("/shelf")).json() == ["/a+b", "/a+b"]


async def test_when_the_client_leaves_a_page_that_comes_in_pieces_its_connections_are_closed(
    open_pages: Open,
) -> None:
    async with peer(never_responding) as server:
        http = await open_pages(server, page_of(within=60))
        async with http.stream("GET", "/wares/1", headers={"Accept": "application/x-ndjson"}) as answer:
            assert await anext(answer.aiter_lines()) == '{"view":"none"}'
            await server.until_lines(1)
        await server.lines[0].ended.wait()


async def test_clients_that_stay_get_their_own_page_when_others_disconnect(open_pages: Open) -> None:
    left = asyncio.Event()

    async def when_others_have_left(line: Line) -> None:
        await line.request()
        if b"/leaves" in line.requests[0]:
            await line.left()
            return
        await left.wait()
        target = line.requests[0].split(b" ")[1]
        await line.say(b'HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n"%b"' % (len(target) + 2, target))
        await echoing(line)

    async with peer(*[when_others_have_left] * 16) as server:
        http = await open_pages(server, page_of())
        staying = asyncio.gather(*(http.get(f"/wares/stays-{n}") for n in range(8)))
        leaving = [asyncio.create_task(http.get(f"/wares/leaves-{n}")) for n in range(8)]
        await server.until_lines(16)
        for task in leaving:
            task.cancel()
        for line in server.lines:
            while not line.requests:  # noqa: ASYNC110 (what is waited for has no event)
                await asyncio.sleep(0)
            if b"/leaves" in line.requests[0]:
                await line.ended.wait()
        left.set()

        assert [answer.json() for answer in await staying] == [f"/stays-{n}" for n in range(8)]
        after = await asyncio.gather(*(http.get(f"/wares/after-{n}") for n in range(8)))
        assert [answer.json() for answer in after] == [f"/after-{n}" for n in range(8)]
    assert len(server.lines) == 16, "what was clean is used again"
