"""Server-sent events pass as they come, for as long as the client is there, whatever the table does."""

import asyncio

from tests.support.stub import Exchange, Stub
from tests.support.tables import route, route_table
from tests.support.world import OpenWorld

TABLE = route_table(route("/news", to="news", timeout="%s"))


async def test_events_pass_at_once_survive_a_reload_and_end_when_the_client_leaves(
    open_world: OpenWorld,
) -> None:
    events: asyncio.Queue[bytes] = asyncio.Queue()

    async def answer(exchange: Exchange) -> None:
        await exchange.start(200, (b"content-type", b"text/event-stream"))
        leaving = asyncio.create_task(exchange.until_left())
        while not leaving.done():
            coming = asyncio.create_task(events.get())
            await asyncio.wait([leaving, coming], return_when=asyncio.FIRST_COMPLETED)
            if coming.done():
                await exchange.chunk(coming.result())
            coming.cancel()

    world = await open_world(TABLE % "5s", news=Stub(answer))
    async with asyncio.timeout(60):
        async with world.http.stream("GET", "/news") as stream:
            assert stream.headers["content-type"] == "text/event-stream"
            chunks = stream.aiter_raw()
            events.put_nowait(b"data: 1\n\n")
            assert await anext(chunks) == b"data: 1\n\n"
            assert await world.serve_table(TABLE % "6s")
            events.put_nowait(b"data: 2\n\n")
            assert await anext(chunks) == b"data: 2\n\n"
        await world.news.last.ended.wait()
