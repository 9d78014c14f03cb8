"""A page whose view is a service's response passes it on as it comes; `Location` names what a page made."""

import asyncio

import httpx
import pytest
from msgspec import Struct

from frontispiece.pages import Page, PageRequest, set_response_header
from frontispiece.upstream import Reply
from tests.frontispiece.pages.conftest import AppOf, Serve
from tests.support.pages import WAYS, Things, page_of, reached, things_of
from tests.support.stub import Exchange, Stub, answering

EVENTS = (b"content-type", b"text/event-stream")


class Made(Struct):
    """A view."""

    id: str


def events_page() -> Page:
    page = Page("/things/{name}/events", deadline=60.0)

    @page.source()
    async def events(name: str, request: PageRequest, things: Things) -> Reply:
        return await things.events(name, request.fields.get(b"last-event-id"))

    @page.view
    def view(events: Reply) -> Reply:
        return events

    return page


@pytest.mark.parametrize("way", WAYS)
async def test_events_arrive_as_the_service_sends_them(app_of: AppOf, way: str) -> None:
    go_on = asyncio.Event()

    async def answer(exchange: Exchange) -> None:
        await exchange.start(200, EVENTS, (b"cache-control", b"no-store"), (b"x-inner", b"1"))
        await exchange.chunk(b"id: 1\n\n")
        await go_on.wait()
        await exchange.end(b"id: 2\n\n")

    service = Stub(answer)
    async with (
        asyncio.timeout(20),
        things_of(service) as providers,
        reached(app_of(events_page(), providers=providers), way) as http,
        http.stream(
            "GET", "/things/a/events", headers={"Accept": "text/event-stream", "Last-Event-ID": "7"}
        ) as response,
    ):
        chunks = response.aiter_raw()
        assert await anext(chunks) == b"id: 1\n\n"
        go_on.set()
        assert [chunk async for chunk in chunks] == [b"id: 2\n\n"]

    assert (response.status_code, response.headers["content-type"]) == (200, "text/event-stream")
    assert response.headers["cache-control"] == "no-store"
    assert "x-inner" not in response.headers
    assert service.last.all(b"last-event-id") == [b"7"]


@pytest.mark.parametrize("way", WAYS)
async def test_a_client_that_goes_ends_the_services_stream(app_of: AppOf, way: str) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.start(200, EVENTS)
        await exchange.chunk(b"id: 1\n\n")
        await exchange.until_left()
        exchange.ended.set()

    service = Stub(answer)
    async with (
        asyncio.timeout(20),
        things_of(service) as providers,
        reached(app_of(events_page(), providers=providers), way) as http,
    ):
        async with http.stream("GET", "/things/a/events") as response:
            await anext(response.aiter_raw())
        await service.last.ended.wait()


@pytest.mark.parametrize(("status", "seen"), [(404, 404), (401, 401), (500, 502), (503, 503), (302, 502)])
async def test_a_service_that_does_not_begin_fails_the_page(serve: Serve, status: int, seen: int) -> None:
    service = Stub(answering(status, b"{}"))

    async with things_of(service) as providers, serve(events_page(), providers=providers) as http:
        response = await http.get("/things/a/events")

    assert (response.status_code, response.json()["source"]) == (seen, "events")


async def test_a_stream_is_described_as_such(serve: Serve) -> None:
    async with things_of(Stub()) as providers, serve(events_page(), providers=providers) as http:
        document = (await http.get("/openapi.json")).json()

    operation = document["paths"]["/things/{name}/events"]["get"]
    assert list(operation["responses"]["200"]["content"]) == ["text/event-stream"]


async def test_location_names_what_a_page_has_made(serve: Serve) -> None:
    page = Page(
        "/things", deadline=60.0, method="POST", status=202, location=lambda made: f"/things/{made.id}"
    )

    @page.source()
    async def made() -> Made:
        return Made("7")

    @page.view
    def view(made: Made) -> Made:
        return made

    async with serve(page) as http:
        response: httpx.Response = await http.post("/things")

    assert (response.status_code, response.headers["location"]) == (202, "/things/7")


@pytest.mark.parametrize("media_type", ["application/json", "application/x-ndjson"])
async def test_a_source_sets_headers_of_the_response(serve: Serve, media_type: str) -> None:
    async def one() -> str:
        set_response_header(b"x-place", b"6")
        set_response_header(b"x-place", b"7")
        return "one"

    async def two(one: str) -> str:
        await asyncio.sleep(0)
        set_response_header(b"x-count", b"1")
        return one

    async with serve(page_of(one, two)) as http:
        response = await http.get("/page", headers={"Accept": media_type})

    assert (response.headers.get_list("x-place"), response.headers["x-count"]) == (["7"], "1")
