"""Requests that an app's OpenAPI document describes, and many that break its rules, put to the app."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import httpx
import requests
from schemathesis import Case
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.transport.requests import REQUESTS_TRANSPORT

from frontispiece.http.asgi import App, Message
from tests.support.contracts import Json

Known = dict[str, list[Any]]
Request = Case[Any]
Check = Callable[[Any, Any, Request], bool | None]

ORIGIN: Final = "http://fuzz.test"
LIMIT: Final = 60.0
"""Seconds that a response may take on a busy machine."""

EVERYWHERE: Final = frozenset(
    {
        *("cache-control", "content-length", "content-type", "date", "pragma", "vary"),
        *(
            "content-security-policy",
            "referrer-policy",
            "set-cookie",
            "x-content-type-options",
            "x-frame-options",
        ),
    }
)
"""Response headers that need no description of their own."""

WITHOUT_BODY: Final = EVERYWHERE - {"content-type"}

LEARNED: Final = {"id": "id", "next": "cursor", "order_id": "id"}
"""Members of responses that are values of parameters, and what these are called."""


@dataclass(kw_only=True)
class Fuzzed:
    """An app that runs, and what a client of it knows.

    Args:
        app: the app.
        callers: headers that prove callers, the one who may do the most first.
        known: values by the name of a parameter or member, in lower case with underscores; more are learned
            from responses. A name that ends in `_id` has the values of `id`, too.
        always: values that take the place of all others, by the name of a member.
        bodies: request bodies that mean something, by operation, such as `POST /orders`.
        accepted: media types that are asked for.
    """

    app: App
    callers: list[dict[str, str]]
    known: Known = field(default_factory=dict)
    always: Json = field(default_factory=dict)
    bodies: dict[str, list[Any]] = field(default_factory=dict)
    accepted: list[str] = field(default_factory=list)

    def vary(self, case: Request, random: Random) -> None:
        """Put known values into a generated request, and a caller's token."""
        bodies = self.bodies.get(case.operation.label)
        if bodies and _often(random):
            case.body = random.choice(bodies)
        elif isinstance(case.body, dict | list):
            case.body = self._varied(case.body, random)
        for container in (case.path_parameters, case.query, case.headers):
            for name in list(container):
                values = self._values(name)
                if values and _often(random):
                    value = random.choice(values)
                    container[name] = str(value) if container is case.headers else value
        if self.accepted and _often(random):
            case.headers["Accept"] = random.choice(self.accepted)
        caller = self.callers[0] if _often(random) else random.choice([{}, *self.callers])
        case.headers.update(caller)

    def learn(self, response: httpx.Response) -> None:
        """Remember ids, cursors and entity tags of a response."""
        if tag := response.headers.get("etag"):
            self._remember("if_match", tag)
            self._remember("if_none_match", tag)
        if response.headers.get("content-type") == "application/json":
            body = response.json()
            for member, name in LEARNED.items():
                if isinstance(body, dict) and isinstance(value := body.get(member), str):
                    self._remember(name, value)

    def _remember(self, name: str, value: Any) -> None:
        values = self.known.setdefault(name, [])
        if value not in values:
            values.append(value)
            del values[:-20]

    def _values(self, name: str) -> list[Any]:
        name = name.lower().replace("-", "_")
        return self.known.get(name) or (self.known.get("id", []) if name.endswith("_id") else [])

    def _varied(self, value: Any, random: Random) -> Any:
        if isinstance(value, list):
            return [self._varied(item, random) for item in value]
        if not isinstance(value, dict):
            return value
        varied = {}
        for name, inner in value.items():
            values = self._values(name)
            replaced = values and _often(random)
            varied[name] = random.choice(values) if replaced else self._varied(inner, random)
        return varied | {name: fixed for name, fixed in self.always.items() if name in varied}


def _often(random: Random) -> bool:
    return random.random() < 2 / 3


class Fuzzer:
    """An app in an event loop of its own, which runs while requests are generated in this thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, fuzzed: Fuzzed) -> None:
        self._loop = loop
        self.fuzzed = fuzzed

    def check(self, case: Request, random: Random, *further: Check) -> None:
        """Put a request to the app.

        Raises:
            Exception: the app failed, or its response is not one of those that it describes.
        """
        self.fuzzed.vary(case, random)
        serialized = REQUESTS_TRANSPORT.serialize_case(case, base_url=ORIGIN)
        prepared = requests.Request(**serialized).prepare()
        response = _run(self._loop, _response(self.fuzzed.app, prepared))
        case.validate_response(response, checks=[*CHECKED, undocumented_headers, *further])
        self.fuzzed.learn(response)


load_all_checks()
CHECKED: Final[list[Any]] = [
    CHECKS.get_one(name)
    for name in (
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
    )
]


def undocumented_headers(_context: Any, response: Any, case: Request) -> bool | None:
    """Fail when a response has a header that its description lacks, or a media type of nothing."""
    described = case.operation.responses.find_by_status_code(response.status_code)
    names = {name.lower() for name, _ in described.headers.items()} if described is not None else set()
    unknown = response.headers.keys() - names - (EVERYWHERE if response.content else WITHOUT_BODY)
    assert not unknown, (
        f"{case.operation.label} has undocumented headers at {response.status_code}: {unknown}"
    )
    return None


@contextmanager
def fuzzer(world: AbstractAsyncContextManager[Fuzzed]) -> Iterator[Fuzzer]:
    """A fuzzer of the app of a world, which is opened and closed in the loop."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        opened: asyncio.Future[Fuzzed] = loop.create_future()
        closing = asyncio.Event()
        living = asyncio.run_coroutine_threadsafe(_live(world, opened, closing), loop)
        try:
            yield Fuzzer(loop, _run(loop, _first(opened, living)))
        finally:
            loop.call_soon_threadsafe(closing.set)
            living.result(LIMIT)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _live(
    world: AbstractAsyncContextManager[Fuzzed], opened: "asyncio.Future[Fuzzed]", closing: asyncio.Event
) -> None:
    try:
        async with world as fuzzed:
            opened.set_result(fuzzed)
            await closing.wait()
    except BaseException as error:
        if not opened.done():
            opened.set_exception(error)
        raise


async def _first(opened: "asyncio.Future[Fuzzed]", _living: object) -> Fuzzed:
    return await opened


def _run(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run_coroutine_threadsafe(asyncio.wait_for(work, LIMIT), loop).result()


async def _response(app: App, prepared: requests.PreparedRequest) -> httpx.Response:
    """The app's response over ASGI; of a stream of events, the beginning."""
    url = urlsplit(prepared.url or "")
    body = prepared.body.encode() if isinstance(prepared.body, str) else prepared.body or b""
    assert isinstance(body, bytes)
    headers = [(name.lower().encode("latin-1"), _bytes(value)) for name, value in prepared.headers.items()]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": prepared.method,
        "scheme": url.scheme,
        "path": unquote(url.path),
        "raw_path": url.path.encode("latin-1"),
        "query_string": url.query.encode("latin-1"),
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": (url.hostname, 80),
    }
    exchange = _Exchange(body)
    await app(scope, exchange.receive, exchange.send)
    return exchange.response(httpx.Request(str(prepared.method), str(prepared.url), content=body))


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("latin-1")


class _Exchange:
    def __init__(self, body: bytes) -> None:
        self._messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
        self._gone = asyncio.Event()
        self._start: Message = {}
        self._body = b""

    async def receive(self) -> Message:
        if self._messages:
            return self._messages.pop()
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        self._body += message.get("body", b"")
        if not message.get("more_body", False) or (b"content-type", b"text/event-stream") in self._headers:
            self._gone.set()

    @property
    def _headers(self) -> list[tuple[bytes, bytes]]:
        return [(name.lower(), value.partition(b";")[0]) for name, value in self._start["headers"]]

    def response(self, request: httpx.Request) -> httpx.Response:
        response = httpx.Response(
            self._start["status"], headers=self._start["headers"], content=self._body, request=request
        )
        response.elapsed = timedelta()
        return response
