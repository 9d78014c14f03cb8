"""Whatever a client sends, its requests are the same however the bytes are cut, with ASGI and without.

`make fuzz` runs as many examples as `FUZZ_EXAMPLES` says.
"""

import asyncio
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from frontispiece.http.asgi import App, Receive, Scope, Send
from frontispiece.http.messages import Headers, IncomingRequest, Reply
from frontispiece.server.connections import Connections
from frontispiece.server.limits import DEFAULT_LIMITS
from frontispiece.server.protocol import HttpProtocol
from tests.support.request_streams import requests, streams

TURNS = 25
"""Turns of the event loop in which everything has happened that a piece of a request leads to."""

METHOD_UNKNOWN = 501

examples = int(os.environ.get("FUZZ_EXAMPLES", "250"))
fuzzing = settings(
    max_examples=examples,
    deadline=None,
    derandomize="FUZZ_EXAMPLES" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@dataclass
class Seen:
    """A request as the app sees it."""

    method: str
    target: bytes
    headers: Headers
    http_version: str
    body: bytes = b""
    complete: bool = False


@dataclass
class Outcome:
    """What a connection came to."""

    requests: list[Seen] = field(default_factory=list)
    written: bytes = b""
    closed: bool = False

    @property
    def statuses(self) -> list[int]:
        """Those of the final responses."""
        return [status for status in self._statuses() if status != 100]

    @property
    def continues(self) -> int:
        """How often the client was told to send its body."""
        return self._statuses().count(100)

    @property
    def answered(self) -> list[Seen]:
        """The requests whose responses were sent."""
        complete = [request for request in self.requests if request.complete]
        return complete[: self.statuses.count(200)]

    def _statuses(self) -> list[int]:
        return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", self.written)]


class WithoutNetwork(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__({"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)})
        self.outcome = outcome
        self.protocol = cast(asyncio.Protocol, None)
        self.is_paused = False

    def write(self, data: Any) -> None:
        """Keep."""
        self.outcome.written += data

    def write_eof(self) -> None:
        """Note that no more is written."""
        self.outcome.closed = True

    def close(self) -> None:
        """Note that it is closed."""
        if not self.is_closing():
            self.outcome.closed = True
            self._extra["closing"] = True  # type: ignore[attr-defined]
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)

    def is_closing(self) -> bool:
        """Whether it was closed."""
        return bool(self.get_extra_info("closing"))

    abort = close

    def pause_reading(self) -> None:
        """Hold back what comes."""
        self.is_paused = True

    def resume_reading(self) -> None:
        """Let it come."""
        self.is_paused = False

    def get_write_buffer_size(self) -> int:
        """Everything is written at once."""
        return 0


async def work(target: bytes) -> None:
    """Take a while for a target with a query, so that what comes meanwhile waits for its turn."""
    for _ in range(5 if b"?" in target else 0):
        await asyncio.sleep(0)


def asgi_app(outcome: Outcome) -> App:
    """Reads every request to its end and answers it; `/early` unread."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        seen = Seen(scope["method"], target, list(scope["headers"]), scope["http_version"])
        outcome.requests.append(seen)
        while not target.startswith(b"/early"):
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            seen.body += message["body"]
            if not message["more_body"]:
                break
        await work(target)
        seen.complete = True
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"hi"})

    return app


class DirectApp:
    """The same without ASGI."""

    def __init__(self, outcome: Outcome) -> None:
        self._outcome = outcome

    async def respond(self, request: IncomingRequest) -> Reply:
        """Answer."""
        path, _, query = request.target.partition(b"?")  # ASGI does not tell `/?` from `/`
        target = path + b"?" + query if query else path
        seen = Seen(request.method, target, list(request.headers), request.http_version)
        self._outcome.requests.append(seen)
        if not request.target.startswith(b"/early"):
            if isinstance(request.body, bytes):
                seen.body = request.body
            else:
                async for chunk in request.body:
                    seen.body += chunk
        await work(target)
        seen.complete = True
        return Reply.whole(200, b"hi", [])


def by_asgi(outcome: Outcome) -> asyncio.Protocol:
    """A connection for an ASGI app."""
    return HttpProtocol(Connections(asgi_app(outcome), DEFAULT_LIMITS, {}))


def direct(outcome: Outcome) -> asyncio.Protocol:
    """A connection for an app without ASGI."""
    return HttpProtocol(Connections(cast(App, DirectApp(outcome)), DEFAULT_LIMITS, {}))


async def outcome_of(connect: Callable[[Outcome], asyncio.Protocol], pieces: list[bytes]) -> Outcome:
    """What comes of these pieces; each arrives when all is done that the one before led to."""
    outcome = Outcome()
    transport = WithoutNetwork(outcome)
    transport.protocol = protocol = connect(outcome)
    protocol.connection_made(transport)
    for piece in pieces:
        if not transport.is_closing() and not transport.is_paused:
            protocol.data_received(piece)
        for _ in range(TURNS):
            await asyncio.sleep(0)
    was_closed = outcome.closed
    transport.close()
    for _ in range(3):
        await asyncio.sleep(0)
    outcome.closed = was_closed
    return outcome


def check(cut: Outcome, whole: Outcome) -> None:
    """The same requests and verdicts, but for two.

    A body may turn out malformed after an early response, and a method that llhttp does not know is refused
    where it comes in one read with another request.
    """
    if METHOD_UNKNOWN in whole.statuses:
        before = whole.statuses.index(METHOD_UNKNOWN)
        assert cut.statuses[:before] == whole.statuses[:before]
        assert cut.answered[:before] == whole.answered
        return
    assert cut.closed == whole.closed
    if cut.statuses != whole.statuses:
        assert cut.answered[-1].target.startswith(b"/early")
        assert whole.statuses == [*cut.statuses[:-1], 400]
    assert cut.answered[: len(whole.answered)] == whole.answered


@fuzzing
@given(streams())
def test_how_the_bytes_of_requests_are_cut_decides_nothing(pieces: list[bytes]) -> None:
    async def compare() -> None:
        whole = await outcome_of(direct, [b"".join(pieces)])
        for connect in (by_asgi, direct):
            check(await outcome_of(connect, pieces), whole)

    asyncio.run(compare())


@fuzzing
@given(requests(), st.lists(requests(), min_size=1, max_size=3))
def test_a_header_section_that_comes_again_means_what_it_means_in_one_read(
    first: bytes, others: list[bytes]
) -> None:
    section = first.partition(b"\r\n")[2]
    pieces = [first, *(other.partition(b"\r\n")[0] + b"\r\n" + section for other in others)]

    async def compare() -> None:
        whole = await outcome_of(direct, [b"".join(pieces)])
        for connect in (by_asgi, direct):
            check(await outcome_of(connect, pieces), whole)

    asyncio.run(compare())
