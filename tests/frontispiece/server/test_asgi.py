"""An ASGI app is served as uvicorn serves it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn

from frontispiece.http.asgi import App, Receive, Scope, Send
from frontispiece.server.server import NotStarted, Server
from frontispiece.server.sockets import address, bound
from tests.support.direct import answer_to
from tests.support.recorder import said, statuses
from tests.support.serving import servers

REQUESTS = [
    b"GET /a%2Fb%C3%A4/;c?d=%20&e HTTP/1.1\r\nHost: a\r\nX-A: b\r\nx-a: c\r\n",
    b"POST http://shop.test:81/x?y HTTP/1.1\r\nHost: other\r\nContent-Length: 2\r\n",
    b"OPTIONS / HTTP/1.0\r\n",
]


class Recorded:
    """Keeps the scopes and the messages of its requests; its lifespan leaves a state."""

    def __init__(self) -> None:
        self.scopes: list[Scope] = []
        self.messages: list[Any] = []
        self.ended: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve."""
        if scope["type"] == "lifespan":
            scope["state"]["started"] = [await receive()]
            await send({"type": "lifespan.startup.complete"})
            self.ended.append((await receive())["type"])
            await send({"type": "lifespan.shutdown.complete"})
            return
        scope["state"]["of this request"] = len(self.scopes)
        self.scopes.append(scope)
        self.messages.append(await receive())
        await send({"type": "http.response.start", "status": 200, "headers": ((b"Content-Length", b"2"),)})
        await send({"type": "http.response.body", "body": b"hi"})
        self.messages.append(await receive())


@asynccontextmanager
async def uvicorn_serving(app: App) -> AsyncIterator[str]:
    """The address of the app, served by uvicorn."""
    config = uvicorn.Config(app, http="httptools", log_config=None, server_header=False, proxy_headers=False)
    server = uvicorn.Server(config)
    sock = bound()
    url = f"http://{address(sock)}"
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[sock])
    try:
        yield url
    finally:
        await server.shutdown(sockets=[sock])


def comparable(scope: Scope) -> dict[str, Any]:
    """A scope without the ports, which the system chooses."""
    return {**scope, "client": scope["client"][0], "server": scope["server"][0]}


async def test_scopes_and_messages_are_uvicorn_s() -> None:
    ours, theirs = Recorded(), Recorded()
    async with servers() as serve, uvicorn_serving(theirs) as url:
        for at in (await serve(ours), url):
            for request in REQUESTS[:1] + REQUESTS[2:]:
                assert statuses(await said(at, request + b"Connection: close\r\n\r\n")) == [200]

    assert [comparable(scope) for scope in ours.scopes] == [comparable(scope) for scope in theirs.scopes]
    assert ours.messages == theirs.messages
    assert ours.ended == ["lifespan.shutdown"]


async def test_the_absolute_form_arrives_as_path_and_query_with_its_authority_as_host() -> None:
    app = Recorded()

    await answer_to(app, REQUESTS[1] + b"Connection: close\r\n\r\nhi")

    (scope,) = app.scopes
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == ("/x", b"/x", b"y")
    assert dict(scope["headers"])[b"host"] == b"shop.test:81"
    assert app.messages == [
        {"type": "http.request", "body": b"hi", "more_body": False},
        {"type": "http.disconnect"},
    ]


async def test_a_head_is_sent_before_the_first_content_exists() -> None:
    go_on = asyncio.Event()

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await go_on.wait()
        await send({"type": "http.response.body", "body": b"hi"})

    async with servers() as serve:
        url = (await serve(app)).removeprefix("http://")
        reader, writer = await asyncio.open_connection(*url.split(":"))
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert statuses(await reader.readuntil(b"\r\n\r\n")) == [200]
        go_on.set()
        assert await reader.read() == b"2\r\nhi\r\n0\r\n\r\n"
        writer.close()


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [{"type": "http.response.body", "body": b"hi"}],
        [{"type": "http.response.start", "status": 200}, {"type": "http.response.start", "status": 200}],
        [{"type": "nonsense"}],
    ],
)
async def test_messages_out_of_order_are_a_bug_that_is_answered(messages: list[dict[str, Any]]) -> None:
    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        for message in messages:
            await send(message)

    answer = await answer_to(app, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")

    assert statuses(answer) == [500]
    assert b"internal-error" in answer


@pytest.mark.parametrize("raises", [False, True])
async def test_an_app_whose_startup_fails_is_not_served(*, raises: bool) -> None:
    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        if raises:
            raise ConnectionError("no database")
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    with pytest.raises(NotStarted, match="shop did not start"):
        await Server("shop", app).serve(bound())


async def test_an_app_that_knows_no_lifespan_is_served() -> None:
    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise NotImplementedError
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body"})

    assert statuses(await answer_to(app, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")) == [204]
