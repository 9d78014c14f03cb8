"""An app mounted in this process: what only this transport promises."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from fastapi import FastAPI
from fastapi import Request as HttpRequest
from fastapi.responses import PlainTextResponse

from frontispiece.errors import ConfigError
from frontispiece.http.asgi import Receive, Scope, Send
from frontispiece.settings import Directory
from frontispiece.upstream import LifespanFailed, Request, UpstreamServerError, open_upstream
from frontispiece.upstream.transports.asgi import AsgiTransport
from tests.frontispiece.upstream.fakes import settled
from tests.support.stub import Exchange, Stub

GET = Request(method="GET", target="/a?b=c")


async def test_the_app_is_never_more_than_a_chunk_ahead_of_its_reader() -> None:
    sent = 0
    moved = asyncio.Event()

    async def answer(exchange: Exchange) -> None:
        nonlocal sent
        await exchange.start()
        for _ in range(10):
            await exchange.chunk(b"x")
            sent += 1
            moved.set()
        await exchange.end()

    async with (
        asyncio.timeout(30),
        AsgiTransport(Stub(answer)) as transport,
        await transport.send(GET) as reply,
    ):
        chunks = reply.chunks()
        for taken in range(1, 11):
            await anext(chunks)
            while sent < taken:
                moved.clear()
                await moved.wait()
            await settled()
            assert sent <= taken + 1


async def test_the_body_is_not_read_ahead_of_the_app() -> None:
    read = 0
    go_on = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(10):
            read += 1
            yield b"x"

    async def answer(exchange: Exchange) -> None:
        await exchange.receive()
        await exchange.start()
        await go_on.wait()
        await exchange.end(await exchange.read())

    async with (
        asyncio.timeout(30),
        AsgiTransport(Stub(answer)) as transport,
        await transport.send(Request(method="POST", target="/a", body=body())) as reply,
    ):
        await settled()
        assert read == 1
        go_on.set()
        assert await reply.read(100) == b"x" * 9


async def test_a_declared_content_length_is_sent_once() -> None:
    app = Stub()
    headers = [(b"content-length", b"7")]
    requested = Request(method="PUT", target="/", headers=headers, body=b"content")  # read whole on its way
    async with AsgiTransport(app) as transport, await transport.send(requested):
        pass

    assert app.last.all(b"content-length") == [b"7"]


async def test_an_app_that_cannot_start_or_stop_says_so() -> None:
    class Fails:
        def __init__(self, *, at_start: bool) -> None:
            self.at_start = at_start

        async def __aenter__(self) -> None:
            if self.at_start:
                raise ConnectionError("no database")

        async def __aexit__(self, *_exc: object) -> None:
            raise ConnectionError("lost the database")

    with pytest.raises(LifespanFailed, match=r"(?s)startup failed.*no database"):
        await AsgiTransport(FastAPI(lifespan=lambda _app: Fails(at_start=True))).__aenter__()
    with pytest.raises(LifespanFailed, match=r"(?s)shutdown failed.*lost the database"):
        async with AsgiTransport(FastAPI(lifespan=lambda _app: Fails(at_start=False))):
            pass


def misconfigured() -> FastAPI:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        raise ConfigError(["a: is missing", "b: is missing"])
        yield

    return FastAPI(lifespan=lifespan)


async def test_an_app_that_cannot_start_for_its_configuration_says_so_without_a_traceback() -> None:
    factory = f"{__name__}:misconfigured"
    with pytest.raises(LifespanFailed) as failed:
        await open_upstream("things", f"app://{factory}", Directory()).__aenter__()
    assert str(failed.value) == f"{factory}'s startup failed: a: is missing\nb: is missing"


async def test_requests_have_the_state_that_the_lifespan_has_left() -> None:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[dict[str, str]]:
        yield {"database": "open"}

    async def read(request: HttpRequest) -> PlainTextResponse:
        return PlainTextResponse(request.state.database)

    app = FastAPI(lifespan=lifespan)
    app.add_route("/a", read)
    async with AsgiTransport(app) as transport, await transport.send(GET) as reply:
        assert await reply.read(100) == b"open"


async def test_the_failure_of_a_lifespan_while_the_app_serves_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ended = asyncio.Event()

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        ended.set()
        raise ZeroDivisionError("the bug")

    async with asyncio.timeout(30), AsgiTransport(app, "things:app"):
        await ended.wait()
    assert caplog.messages == ["things:app's lifespan failed"]


async def test_an_app_that_does_not_return_after_its_shutdown_is_cancelled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("frontispiece.http.lifespan.EXIT_TIMEOUT", 0.01)
    before = asyncio.all_tasks()

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        for phase in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{phase}.complete"})
        await asyncio.Event().wait()

    async with asyncio.timeout(30), AsgiTransport(app):
        pass
    assert asyncio.all_tasks() == before


async def test_an_app_that_cancels_itself_is_waited_for_at_neither_start_nor_stop() -> None:
    async def starting(_scope: Scope, receive: Receive, _send: Send) -> None:
        await receive()
        raise asyncio.CancelledError

    async def serving(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        raise asyncio.CancelledError

    async with asyncio.timeout(30):
        with pytest.raises(LifespanFailed, match="things:app's startup failed: it was cancelled"):
            await AsgiTransport(starting, "things:app").__aenter__()
        async with AsgiTransport(serving):
            await asyncio.sleep(0)


async def test_an_app_that_knows_no_lifespan_is_mounted() -> None:
    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise NotImplementedError

    async with asyncio.timeout(30), AsgiTransport(app):
        pass


async def test_an_app_that_refuses_to_start_is_not_waited_for() -> None:
    ended = asyncio.Event()

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "lifespan.startup.failed", "message": "no database"})
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with asyncio.timeout(30):
        with pytest.raises(LifespanFailed, match="no database"):
            await AsgiTransport(app).__aenter__()
    assert ended.is_set()


@pytest.mark.parametrize("bug", [ZeroDivisionError("the bug"), None])
async def test_an_app_that_ends_without_a_response_has_failed_and_its_bug_is_logged(
    caplog: pytest.LogCaptureFixture, bug: Exception | None
) -> None:
    async def answer(_exchange: Exchange) -> None:
        if bug is not None:
            raise bug

    async with AsgiTransport(Stub(answer)) as transport:
        with pytest.raises(UpstreamServerError, match="it ended without an answer"):
            await transport.send(GET)
    assert ("the bug" in caplog.text) == (bug is not None)


async def test_messages_after_the_end_of_the_response_are_logged_as_a_bug(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.end(b"whole")
        await exchange.end(b"and more")

    async with (
        asyncio.timeout(30),
        AsgiTransport(Stub(answer)) as transport,
        await transport.send(GET) as reply,
    ):
        assert await reply.read(100) == b"whole"
    assert "after the end of its response" in caplog.text


async def test_what_the_app_does_after_its_answer_is_finished_before_the_reply_is_let_go() -> None:
    done = []

    async def answer(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.end(b"whole")
        await settled()
        done.append("clean-up")

    async with asyncio.timeout(30), AsgiTransport(Stub(answer)) as transport:
        async with await transport.send(GET) as reply:
            assert await reply.read(100) == b"whole"
        assert done == ["clean-up"]
