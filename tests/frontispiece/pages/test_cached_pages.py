"""Pages whose sources' results are cached: which callers get them, and how often a service is called."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from frontispiece.errors import ConfigError
from frontispiece.pages import Cache, Page, PageRequest, Provider
from tests.frontispiece.pages.conftest import AppOf, Serve
from tests.support.pages import Things, page_of, reached, things_of
from tests.support.stub import Exchange, Stub, answering
from tests.support.waiting import until

FOR_LONG = Cache(ttl=1_000)


async def counting(exchange: Exchange) -> None:
    """Answer with the path, and whose name the service saw."""
    states = (exchange.all(b"authorization") or [b"nobody"])[0]
    await answering(200, b'"%b for %b"' % (exchange.path, states))(exchange)


def thing_page(policy: Cache) -> Page:
    """A page of one thing, by path and query."""

    async def one(name: str, things: Things, size: int = 1) -> Any:
        return await things.thing(f"{name}-{size}")

    return page_of((one, {"cache": policy}), path="/things/{name}")


async def test_pages_and_sources_of_the_same_inputs_do_not_share_their_results(serve: Serve) -> None:
    def page(path: str, of: str) -> Page:
        async def one(things: Things) -> Any:
            return await things.thing(of)

        async def other(things: Things) -> Any:
            return await things.thing(of + "-other")

        return page_of((one, {"cache": FOR_LONG}), (other, {"cache": FOR_LONG}), path=path)

    async with (
        things_of(Stub(counting)) as providers,
        serve(page("/a", "a"), page("/b", "b"), providers=providers) as http,
    ):
        bodies = [(await http.get(path)).json() for path in ("/a", "/b", "/a")]

    assert [each["one"].split()[0] for each in bodies] == ["/things/a", "/things/b", "/things/a"]
    assert [each["other"].split()[0] for each in bodies] == [f"/things/{name}-other" for name in "aba"]


async def test_concurrent_requests_for_the_same_make_one_call(app_of: AppOf) -> None:
    gate = asyncio.Event()

    async def answer(exchange: Exchange) -> None:
        await gate.wait()
        await counting(exchange)

    service = Stub(answer)
    async with asyncio.timeout(30), things_of(service) as providers:
        app = app_of(thing_page(Cache(ttl=0)), providers=providers)
        async with reached(app, "alone") as http, asyncio.TaskGroup() as all_of_them:
            requested = [all_of_them.create_task(http.get("/things/a")) for _ in range(8)]
            other = all_of_them.create_task(http.get("/things/b"))
            await until(lambda: len(service.requests) == 2)
            for _ in range(200):  # until all requests have come in
                await asyncio.sleep(0)
            gate.set()

    states = {timing(task.result().headers["server-timing"]) for task in requested}
    assert states == {"miss", "collapsed"}
    assert len({task.result().content for task in requested}) == 1
    assert timing(other.result().headers["server-timing"]) == "miss"
    assert sorted(exchange.path for exchange in service.requests) == [b"/things/a-1", b"/things/b-1"]


def timing(header: str) -> str:
    """How the cache of the only source answered."""
    return header.partition('desc="')[2].strip('"')


@dataclass(frozen=True)
class Language:
    """What a reader understands, out of a request."""

    tag: str


def with_language(providers: Mapping[Any, Provider], header: str) -> dict[Any, Provider]:
    return {**providers, Language: lambda inbound: Language(inbound.header(header) or "en")}


def language_page() -> Page:
    async def one(things: Things, language: Language) -> Any:
        return await things.thing(language.tag)

    return page_of((one, {"cache": FOR_LONG}), path="/thing")


@pytest.mark.parametrize("header", ["cookie", "authorization"])
async def test_a_value_made_of_credentials_is_the_anonymous_one_in_a_shared_result(
    serve: Serve, header: str
) -> None:
    async with (
        things_of(Stub(counting)) as things,
        serve(language_page(), providers=with_language(things, header)) as http,
    ):
        bodies = (await http.get("/thing", headers={header: "de"})).json()

    assert bodies["one"] == "/things/en for nobody"


async def test_shared_results_are_loaded_without_credentials(serve: Serve) -> None:
    async def one(things: Things) -> Any:
        return await things.thing("public")

    async def other(things: Things, request: PageRequest) -> Any:
        return [await things.thing("own"), request.header("cookie")]

    page = page_of((one, {"cache": FOR_LONG}), other, path="/thing")
    service = Stub(counting)
    states = {
        "Authorization": "Bearer a",
        "Cookie": "session=1",
        "X-Request-Id": "r-5",
        "traceparent": "00-1-2-3",
    }
    async with things_of(service) as providers, serve(page, providers=providers) as http:
        bodies = (await http.get("/thing", headers=states)).json()

    assert bodies["one"] == "/things/public for nobody"
    assert bodies["other"] == ["/things/own for Bearer a", "session=1"]
    requested = {exchange.path: exchange for exchange in service.requests}
    public = requested[b"/things/public"]
    assert public.all(b"cookie") == public.all(b"authorization") == []
    assert public.all(b"x-request-id") == [b"r-5"]
    assert public.all(b"traceparent") == [b"00-1-2-3"]


def test_a_cached_source_cannot_depend_on_the_whole_request(app_of: AppOf) -> None:
    async def one(request: PageRequest) -> Any:
        raise AssertionError

    page = page_of((one, {"cache": FOR_LONG}), path="/thing")
    with pytest.raises(ConfigError, match="one is cached: it cannot depend on the whole request"):
        app_of(page)
