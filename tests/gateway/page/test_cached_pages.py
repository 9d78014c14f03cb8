"""Pages whose sources' results are kept: whom they are given to, and how often a service is asked."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from msgspec import Struct

from gateway.page import Cache, Inbound, Page, Provider
from kit.faults import Faulty
from tests.gateway.page.conftest import AppOf, Serve
from tests.support.caching import until
from tests.support.pages import Things, reached, things_of
from tests.support.stub import Exchange, Stub, answering

FOR_LONG = Cache(ttl=1_000)


class Told(Struct):
    """A view: whatever its sources gave."""

    one: Any
    other: Any = None


def view_of_one(one: Any) -> Told:
    return Told(one)


def view_of_both(one: Any, other: Any) -> Told:
    return Told(one, other)


async def counting(exchange: Exchange) -> None:
    """Answer with the path, and whose name the service was told."""
    said = (exchange.all(b"authorization") or [b"nobody"])[0]
    await answering(200, b'"%b for %b"' % (exchange.path, said))(exchange)


def thing_page(policy: Cache) -> Page:
    """A page of one thing, by path and query."""
    page = Page("/things/{name}", deadline=5.0)

    @page.source(cache=policy)
    async def one(name: str, things: Things, size: int = 1) -> Any:
        return await things.thing(f"{name}-{size}")

    page.view(view_of_one)
    return page


async def test_a_result_that_was_kept_is_not_asked_for_again(serve: Serve) -> None:
    service = Stub(counting)
    async with things_of(service) as providers, serve(thing_page(FOR_LONG), providers=providers) as http:
        answers = [await http.get("/things/a") for _ in range(5)]

    assert {answer.content for answer in answers} == {b'{"one":"/things/a-1 for nobody","other":null}'}
    assert len({answer.headers["etag"] for answer in answers}) == 1
    assert len(service.asked) == 1


async def test_what_may_not_be_kept_is_asked_for_each_time(serve: Serve) -> None:
    service = Stub(counting)
    async with things_of(service) as providers, serve(thing_page(Cache(ttl=0)), providers=providers) as http:
        for _ in range(3):
            assert (await http.get("/things/a")).status_code == 200

    assert len(service.asked) == 3


async def test_results_are_kept_apart_by_path_and_query(serve: Serve) -> None:
    service = Stub(counting)
    targets = [
        "/things/a",
        "/things/b",
        "/things/a?size=2",
        "/things/a?size=1",
        "/things/a?size=%31",
        "/things/a-2",
    ]
    async with things_of(service) as providers, serve(thing_page(FOR_LONG), providers=providers) as http:
        told = [(await http.get(target)).json()["one"].split()[0] for target in targets]

    assert told == [
        "/things/a-1",
        "/things/b-1",
        "/things/a-2",
        "/things/a-1",
        "/things/a-1",
        "/things/a-2-1",
    ]
    assert len(service.asked) == 4


async def test_pages_and_sources_of_the_same_inputs_do_not_share_what_they_keep(serve: Serve) -> None:
    def page(path: str, of: str) -> Page:
        page = Page(path, deadline=5.0)

        @page.source(cache=FOR_LONG)
        async def one(things: Things) -> Any:
            return await things.thing(of)

        @page.source(cache=FOR_LONG)
        async def other(things: Things) -> Any:
            return await things.thing(of + "-other")

        page.view(view_of_both)
        return page

    async with (
        things_of(Stub(counting)) as providers,
        serve(page("/a", "a"), page("/b", "b"), providers=providers) as http,
    ):
        told = [(await http.get(path)).json() for path in ("/a", "/b", "/a")]

    assert [each["one"].split()[0] for each in told] == ["/things/a", "/things/b", "/things/a"]
    assert [each["other"].split()[0] for each in told] == [f"/things/{name}-other" for name in "aba"]


async def test_concurrent_requests_for_the_same_make_one_call(app_of: AppOf) -> None:
    gate = asyncio.Event()

    async def answer(exchange: Exchange) -> None:
        await gate.wait()
        await counting(exchange)

    service = Stub(answer)
    async with asyncio.timeout(10), things_of(service) as providers:
        app = app_of(thing_page(Cache(ttl=0)), providers=providers)
        async with reached(app, "alone") as http, asyncio.TaskGroup() as all_of_them:
            asked = [all_of_them.create_task(http.get("/things/a")) for _ in range(8)]
            other = all_of_them.create_task(http.get("/things/b"))
            await until(lambda: len(service.asked) == 2)
            for _ in range(200):  # until all requests have come in
                await asyncio.sleep(0)
            gate.set()

    said = {timing(task.result().headers["server-timing"]) for task in asked}
    assert said == {"miss", "joined"}
    assert len({task.result().content for task in asked}) == 1
    assert timing(other.result().headers["server-timing"]) == "miss"
    assert sorted(exchange.path for exchange in service.asked) == [b"/things/a-1", b"/things/b-1"]


def timing(header: str) -> str:
    """How the cache of the only source answered."""
    return header.partition('desc="')[2].strip('"')


async def test_a_first_client_that_leaves_takes_nothing_from_the_others(app_of: AppOf) -> None:
    page = Page("/thing", deadline=5.0)

    @page.source(cache=FOR_LONG)
    async def one(things: Things) -> Any:
        return await things.thing("shared")

    @page.source()
    async def other(things: Things, client: str) -> Any:
        return await things.thing(client)

    page.view(view_of_both)
    gate, second = asyncio.Event(), asyncio.Event()

    async def answer(exchange: Exchange) -> None:
        if exchange.path == b"/things/first":
            await exchange.until_left()
            return
        if exchange.path == b"/things/second":
            second.set()
        else:
            await gate.wait()
        await counting(exchange)

    service = Stub(answer)
    async with asyncio.timeout(10), things_of(service) as providers:
        app = app_of(page, providers=providers)
        async with reached(app, "alone") as http:
            leaving = asyncio.create_task(http.get("/thing?client=first"))
            await service.begun.wait()
            staying = asyncio.create_task(http.get("/thing?client=second"))
            await second.wait()
            leaving.cancel()
            (own,) = [exchange for exchange in service.asked if exchange.path == b"/things/first"]
            await own.ended.wait()  # the page of the first has been given up
            gate.set()
            told = (await staying).json()

    assert told["one"] == "/things/shared for nobody"
    assert [exchange.path for exchange in service.asked].count(b"/things/shared") == 1


@dataclass(frozen=True)
class Language:
    """What a reader understands, out of a request."""

    tag: str


def with_language(providers: Mapping[Any, Provider], header: str) -> dict[Any, Provider]:
    return {**providers, Language: lambda inbound: Language(inbound.header(header) or "en")}


def language_page() -> Page:
    page = Page("/thing", deadline=5.0)

    @page.source(cache=FOR_LONG)
    async def one(things: Things, language: Language) -> Any:
        return await things.thing(language.tag)

    page.view(view_of_one)
    return page


async def test_a_value_made_of_the_request_tells_results_apart(serve: Serve) -> None:
    service = Stub(counting)
    async with (
        things_of(service) as things,
        serve(language_page(), providers=with_language(things, "accept-language")) as http,
    ):
        told = [
            (await http.get("/thing", headers={"Accept-Language": tag})).json()["one"].split()[0]
            for tag in ("de", "fr", "de")
        ]

    assert told == ["/things/de", "/things/fr", "/things/de"]
    assert len(service.asked) == 2


@pytest.mark.parametrize("header", ["cookie", "authorization"])
async def test_a_value_made_of_credentials_is_nobodys_in_what_is_kept_for_everybody(
    serve: Serve, header: str
) -> None:
    async with (
        things_of(Stub(counting)) as things,
        serve(language_page(), providers=with_language(things, header)) as http,
    ):
        told = (await http.get("/thing", headers={header: "de"})).json()

    assert told["one"] == "/things/en for nobody"


async def test_what_is_kept_for_everybody_is_asked_for_as_nobody(serve: Serve) -> None:
    page = Page("/thing", deadline=5.0)

    @page.source(cache=FOR_LONG)
    async def one(things: Things) -> Any:
        return await things.thing("public")

    @page.source()
    async def other(things: Things, request: Inbound) -> Any:
        return [await things.thing("own"), request.header("cookie")]

    page.view(view_of_both)
    service = Stub(counting)
    said = {
        "Authorization": "Bearer a",
        "Cookie": "session=1",
        "X-Request-Id": "r-5",
        "traceparent": "00-1-2-3",
    }
    async with things_of(service) as providers, serve(page, providers=providers) as http:
        told = (await http.get("/thing", headers=said)).json()

    assert told["one"] == "/things/public for nobody"
    assert told["other"] == ["/things/own for Bearer a", "session=1"]
    asked = {exchange.path: exchange for exchange in service.asked}
    public = asked[b"/things/public"]
    assert public.all(b"cookie") == public.all(b"authorization") == []
    assert public.all(b"x-request-id") == [b"r-5"]
    assert public.all(b"traceparent") == [b"00-1-2-3"]


def test_a_source_that_is_kept_cannot_see_the_whole_request(app_of: AppOf) -> None:
    page = Page("/thing", deadline=5.0)

    @page.source(cache=FOR_LONG)
    async def one(request: Inbound) -> Any:
        raise AssertionError

    page.view(view_of_one)
    with pytest.raises(Faulty, match="one is cached: it cannot depend on the whole request"):
        app_of(page)
