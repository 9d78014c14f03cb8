"""Server-sent events pass as they come, for as long as the client is there, whatever the table does."""

import asyncio

from gateway import table
from tests.support.gateways import gateway_of
from tests.support.serving import Serve, client_of
from tests.support.stub import Exchange, Stub

TABLE = """
[services.news]
url = "registry://news"

[[routes]]
path = "/news"
to = "news"
auth = "none"
timeout = "%s"
"""


async def test_events_pass_at_once_survive_a_reload_and_end_when_the_client_leaves(serve: Serve) -> None:
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

    news = Stub(answer)
    gateway = gateway_of(TABLE % "5s", {"news": await serve(news)})
    async with asyncio.timeout(10), client_of(await serve(gateway)) as http:
        async with http.stream("GET", "/news") as stream:
            assert stream.headers["content-type"] == "text/event-stream"
            chunks = stream.aiter_raw()
            events.put_nowait(b"data: 1\n\n")
            assert await anext(chunks) == b"data: 1\n\n"
            assert await gateway.serve_table(table.parse(TABLE % "6s"))
            events.put_nowait(b"data: 2\n\n")
            assert await anext(chunks) == b"data: 2\n\n"
        await news.last.ended.wait()
