"""Clients of services: `Upstream` forwards requests and replies, `Service` sends and decodes JSON."""

import re
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from functools import cache, partial
from http import HTTPStatus
from time import perf_counter
from types import MappingProxyType
from typing import Any, Final, TypeVar
from urllib.parse import quote

import msgspec

from frontispiece.http.asgi import App
from frontispiece.http.headers import lines_of
from frontispiece.http.json_nesting import is_nested_too_deeply
from frontispiece.http.media_types import is_json
from frontispiece.http.messages import BodyTooLarge, Headers, Reply, Request, Transport
from frontispiece.http.timeout_header import TIMEOUT_HEADER, milliseconds
from frontispiece.registry import Instance
from frontispiece.security.internal_tokens import RENEW_BEFORE
from frontispiece.upstream.call_context import CallRecord, Context, current_call_context, now, record_call
from frontispiece.upstream.errors import InvalidResponse, UpstreamError, UpstreamServerError
from frontispiece.upstream.observed import ObservedTransport, Start
from frontispiece.upstream.refusal import refusal_of, unavailable_of
from frontispiece.upstream.stats import State, TransportWrapper

Shape = TypeVar("Shape")

MAX_BODY = 10 * 1024 * 1024
"""The longest response in bytes that is read into memory."""

MAX_AGE: Final = RENEW_BEFORE - 5.0
"""Seconds for which calls have the same internal token: one that was just signed or renewed lives longer."""

OnHeaders = Callable[[Headers], object]
"""Called with the headers of a response."""

_PLAIN = re.compile(r"[A-Za-z0-9_.~-]*")
"""What is not percent-encoded (RFC 3986, 2.3)."""

JSON = b"application/json"

OK: Final = 200
"""`HTTPStatus.OK` as a number: on Python 3.11 each access to a member of an enumeration is a call."""


class Upstream(TransportWrapper):
    """One service: opened once, shared by all requests.

    Args:
        name: in tables, metrics and logs.
        transport: sends to it.
        app: the ASGI app, when it is mounted in this process.
        addresses: the present instances by address; it follows those of a discovery.
    """

    def __init__(
        self,
        name: str,
        transport: Transport,
        app: App | None = None,
        *,
        addresses: Mapping[str, Instance] = MappingProxyType({}),
    ) -> None:
        super().__init__(transport)
        self.name = name
        self.app = app
        self.addresses = addresses
        self.send = transport.send
        """Send a request and return the reply, whatever its status. Raises `UpstreamError` without one."""

    def observe(self, start: Start) -> Callable[[], None]:
        """Call `start` for each request from now on, until the function that this returns is called."""
        unobserved = self.send
        self.send = ObservedTransport(self.inner, start).send

        def end() -> None:
            self.send = unobserved

        return end

    def state(self) -> State:
        """Diagnostics as members of a JSON object."""
        return {"addresses": [{"url": url} for url in self.addresses], **super().state()}

    async def is_ready(self, path: str = "/health/ready", *, optional: bool = False) -> bool:
        """Whether the service responds with 200 at the path of its health check.

        With `optional`, a 404 will do as well: a service without such an endpoint is ready when it responds.

        Raises:
            UpstreamError: it does not respond.
        """
        async with await self.send(Request(method="GET", target=path, timeout=2.0)) as reply:
            return reply.status == HTTPStatus.OK or (optional and reply.status == HTTPStatus.NOT_FOUND)

    def within(self, context: Context) -> "Service":
        """A client of this service for the calls of one incoming request."""
        return Service(self, context)


class UpstreamConnector(TransportWrapper):
    """One service for all requests; `bind` makes the client for the calls of one of them."""

    def __init__(self, upstream: Upstream, bind: Callable[[Context], Any]) -> None:
        super().__init__(upstream)
        self.bind = bind
        self.observe = upstream.observe
        self._is_ready = partial(upstream.is_ready, optional=True)

    async def is_ready(self) -> bool:
        """Whether the service is ready; one without a health check is when it responds."""
        try:
            return await self._is_ready()
        except UpstreamError:
            return False


class Service:
    """A client of one service for one incoming request: sends JSON, returns typed objects."""

    def __init__(self, upstream: Upstream, context: Context) -> None:
        self._upstream = upstream
        self._context = context
        self._common: tuple[tuple[bytes, bytes], ...] = ()
        """The header fields of every call."""
        self._renew_at = 0.0
        """When they are to be made anew, for the token among them expires."""
        self._lines = b""
        """Those of every read of JSON, encoded; empty before the first."""

    def get(self, target: str, shape: type[Shape]) -> Coroutine[Any, Any, Shape]:
        """Read a resource; members that `shape` does not name are ignored (a tolerant reader)."""
        return self.send("GET", target, shape)

    async def send(
        self,
        method: str,
        target: str,
        shape: type[Shape],
        *,
        body: Any = None,
        headers: tuple[tuple[bytes, bytes], ...] = (),
        on_headers: OnHeaders | None = None,
    ) -> Shape:
        """Send a request with a JSON body, if any, and decode the response.

        `on_headers` is called with the headers of any response, whatever its status.

        Raises:
            UpstreamError: there is no response, or none that fits `shape`.
        """
        within = current_call_context.get()
        if within is not None and within.repeatable:
            within.check(method, headers)
        request = self._request(method, target, headers)
        if body is not None:
            request.lines = None
            request.headers.append((b"content-type", b"application/json"))
            request.body = msgspec.json.encode(body)
        if within is not None and within.recorded_calls is not None:
            return await self._recorded(within.recorded_calls, request, partial(_typed, on_headers, shape))
        reply = await self._upstream.send(request)
        if on_headers is not None:
            on_headers(reply.headers)
        body = reply.body
        is_whole = isinstance(body, bytes) and len(body) <= MAX_BODY  # as most are: no further coroutine
        return _decode(reply, body if is_whole else await _whole(reply), shape)

    async def raw(self, target: str, on_headers: OnHeaders) -> msgspec.Raw:
        """Read a resource, and return its JSON as it came.

        Args:
            target: path and query.
            on_headers: is called with the headers of any response, whatever its status.

        Raises:
            UpstreamError: there is no response, or none in JSON.
        """
        request = self._request("GET", target)
        within = current_call_context.get()
        if within is not None and within.recorded_calls is not None:
            return await self._recorded(within.recorded_calls, request, partial(_raw, on_headers))
        return await _raw(on_headers, await self._upstream.send(request))

    async def open(
        self, target: str, *, headers: tuple[tuple[bytes, bytes], ...] = (), idle_timeout: float = 30.0
    ) -> Reply:
        """Read a resource whose body comes piece by piece, at most `idle_timeout` seconds apart.

        Raises:
            UpstreamError: there is no response, or one from status 300 on.
        """
        request = self._request("GET", target, headers, accept=b"*/*")
        request.timeout = idle_timeout
        reply = await self._upstream.send(request)
        if reply.status >= 300:  # noqa: PLR2004 (the bounds of the classes of status)
            _decode(reply, await _whole(reply), type(None))
        return reply

    def _request(
        self, method: str, target: str, headers: tuple[tuple[bytes, bytes], ...] = (), accept: bytes = JSON
    ) -> Request:
        remaining = self._context.begin_call()
        if (at := now()) >= self._renew_at:
            self._common, self._lines = self._context.headers_to(self._upstream.name), b""
            self._renew_at = at + MAX_AGE
        timeout = milliseconds(remaining)
        fields = [*self._common, *headers, (b"accept", accept), (TIMEOUT_HEADER, timeout)]
        request = Request(method=method, target=target, headers=fields, timeout=remaining)
        if method == "GET" and not headers and accept is JSON:
            self._lines = lines = self._lines or lines_of(fields[:-1])
            request.lines = b"".join((lines, TIMEOUT_HEADER, b": ", timeout, b"\r\n"))
        return request

    async def _recorded(
        self, records: list[CallRecord], request: Request, read: Callable[[Reply], Awaitable[Shape]]
    ) -> Shape:
        """The same with a record of the call."""
        record = CallRecord(self._upstream.name, request.method, request.target, perf_counter())
        with record_call(records, record, "done"):
            reply = await self._upstream.send(request)
            record.answer = str(reply.status)
            return await read(reply)


def batch_path(path: str, name: str, keys: Collection[str]) -> str:
    """The path and query of a batch read, such as `/things?id=a&id=b`, percent-encoded."""
    if _PLAIN.fullmatch("".join(keys)) is None:
        keys = [quote(key, safe="") for key in keys]
    return f"{path}?{name}=" + f"&{name}=".join(keys)


async def _whole(reply: Reply) -> bytes:
    if isinstance(reply.body, bytes) and len(reply.body) <= MAX_BODY:
        return reply.body
    async with reply:
        try:
            return await reply.read(MAX_BODY)
        except BodyTooLarge as error:
            raise InvalidResponse(f"its answer is longer than {error.limit} bytes") from error


async def _typed(on_headers: OnHeaders | None, shape: type[Shape], reply: Reply) -> Shape:
    if on_headers is not None:
        on_headers(reply.headers)
    return _decode(reply, await _whole(reply), shape)


async def _raw(on_headers: OnHeaders, reply: Reply) -> msgspec.Raw:
    on_headers(reply.headers)
    if reply.status < 400 and not (reply.status < 300 and _is_json(reply)):  # noqa: PLR2004 (classes of status)
        await reply.release()
        raise InvalidResponse(f"it answered {reply.status} without JSON")
    raw = _decode(reply, await _whole(reply), msgspec.Raw)
    try:
        str(memoryview(raw), "utf-8")
    except UnicodeDecodeError as error:
        raise InvalidResponse(f"its answer cannot be read: {error}") from error
    return raw


def _is_json(reply: Reply) -> bool:
    kind = reply.header(b"content-type") or b""
    return kind == JSON or is_json(kind.decode("latin-1"))


_decoder = cache(msgspec.json.Decoder[Any])


def _decode(reply: Reply, content: bytes, shape: type[Shape]) -> Shape:
    if reply.status != OK and (failure := _failure_of(reply, content, shape)) is not None:
        raise failure
    if shape is type(None):
        return None
    if shape is msgspec.Raw and is_nested_too_deeply(content):  # other types have a depth of their own
        raise InvalidResponse("its answer is nested too deeply")
    try:
        decoded: Shape = _decoder(shape).decode(content)  # type: ignore[arg-type]  # it is hashable
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidResponse(f"its answer cannot be read: {error}") from error
    return decoded


def _failure_of(reply: Reply, content: bytes, shape: type[Any]) -> UpstreamError | None:
    """The failure that a response is by its status."""
    nothing_yet = reply.status == HTTPStatus.ACCEPTED and not content and shape is not type(None)
    if nothing_yet or reply.status == HTTPStatus.SERVICE_UNAVAILABLE:
        return unavailable_of(reply)
    if reply.status >= 500:  # noqa: PLR2004 (the bounds of the classes of status)
        return UpstreamServerError(f"it answered {reply.status}")
    if reply.status >= 400:  # noqa: PLR2004 (the same)
        return refusal_of(reply, content)
    return InvalidResponse(f"it answered {reply.status}") if reply.status >= 300 else None  # noqa: PLR2004 (the same)
