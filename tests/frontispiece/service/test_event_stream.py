"""Server-sent events, by a real server."""

import asyncio
from collections.abc import AsyncGenerator

import httpx
import pytest
from fastapi import FastAPI

from frontispiece.service import EventStream, ServerSentEvent
from tests.support.serving import servers


def numbered(number: int) -> ServerSentEvent:
    return ServerSentEvent(id=str(number), event="tick", data=b'{"number": %d}' % number)


class Ticks:
    """A source of events that tests feed; `closed` is set when nobody takes them any more."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[ServerSentEvent | None] = asyncio.Queue()
        self.closed = asyncio.Event()

    async def events(self) -> AsyncGenerator[ServerSentEvent, None]:
        try:
            while (event := await self.queue.get()) is not None:
                yield event
        finally:
            self.closed.set()

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.get("/ticks")
        async def ticks() -> EventStream:
            return EventStream(self.events())

        return app


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


async def test_each_event_arrives_as_it_happens_and_the_response_ends_with_the_last(ticks: Ticks) -> None:
    async with (
        servers() as serve,
        httpx.AsyncClient(base_url=await serve(ticks.app())) as http,
        http.stream("GET", "/ticks") as response,
    ):
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["cache-control"] == "no-store"
        chunks = response.aiter_text()
        assert await anext(chunks) == ":\n\n"
        for number in range(2):
            ticks.queue.put_nowait(numbered(number))
            expected = f'id: {number}\nevent: tick\ndata: {{"number": {number}}}\n\n'
            assert await anext(chunks) == expected
        ticks.queue.put_nowait(None)
        assert [chunk async for chunk in chunks] == []
    assert ticks.closed.is_set()


async def test_in_silence_there_are_comments(ticks: Ticks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("frontispiece.service.event_stream.HEARTBEAT", 0.01)
    async with (
        servers() as serve,
        httpx.AsyncClient(base_url=await serve(ticks.app())) as http,
        http.stream("GET", "/ticks") as response,
    ):
        chunks = response.aiter_text()
        assert [await anext(chunks) for _ in range(3)] == [":\n\n"] * 3
        ticks.queue.put_nowait(numbered(1))
        while (chunk := await anext(chunks)) == ":\n\n":
            pass
        assert chunk.startswith("id: 1\n")


async def test_a_client_that_goes_away_leaves_nothing_behind(ticks: Ticks) -> None:
    async with servers() as serve:
        before = asyncio.all_tasks()
        async with (
            httpx.AsyncClient(base_url=await serve(ticks.app())) as http,
            http.stream("GET", "/ticks") as response,
        ):
            await anext(response.aiter_text())
        async with asyncio.timeout(60):
            await ticks.closed.wait()
        assert {task for task in asyncio.all_tasks() - before if "events" in repr(task)} == set()


async def test_a_failure_of_the_source_breaks_the_response_off(ticks: Ticks) -> None:
    async def failing() -> AsyncGenerator[ServerSentEvent, None]:
        yield numbered(1)
        raise OSError("no ink")

    app = FastAPI()

    @app.get("/ticks")
    async def failing_ticks() -> EventStream:
        return EventStream(failing())

    async with (
        servers() as serve,
        httpx.AsyncClient(base_url=await serve(app)) as http,
        http.stream("GET", "/ticks") as response,
    ):
        with pytest.raises(httpx.RemoteProtocolError):
            await response.aread()
