"""Clients of services: untyped for the gateway that passes answers on, typed for pages that read them."""

import re
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache, partial
from time import perf_counter
from typing import Any, Self, TypeVar, cast

import msgspec

from gateway.upstream.bounds import Noted, current_bounds, noting, now
from gateway.upstream.errors import Failed, Nonsense, Refused, TimedOut
from gateway.upstream.limit import Limited
from gateway.upstream.message import Headers, Reply, Request, Transport
from kit.asgi import App
from kit.timing import TIMEOUT_HEADER, milliseconds

Shape = TypeVar("Shape")

MAX_ANSWER = 10 * 1024 * 1024
"""The longest answer in bytes that is read into memory."""

_JSON = re.compile(rb"application/(?:[^/;\s]+\+)?json\s*(?:;|$)", re.IGNORECASE)

CARRIED = frozenset({b"x-request-id", b"traceparent", b"tracestate"})
"""Headers of an incoming request that go with every call made for it: none of them says who its caller is."""

Authorization = Callable[[str], bytes | None]
"""The `Authorization` of a call to the service of this name; None goes without."""

UNSEEN = nullcontext()
"""Around a call that nobody looks at."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """On whose behalf and until when calls are made: what one incoming request gives to all its calls.

    Args:
        headers: go with every call.
        deadline: in the event loop's time, seconds.
        authorization: tells each service on whose behalf it is called; None when it is nobody's.
    """

    headers: tuple[tuple[bytes, bytes], ...] = ()
    deadline: float
    authorization: Authorization | None = None

    @classmethod
    def of(cls, headers: Headers, deadline: float, authorization: Authorization | None = None) -> Self:
        """The context of a request with these headers, made on somebody's behalf."""
        carried = tuple([field for field in headers if field[0] in CARRIED])
        return cls(headers=carried, deadline=deadline, authorization=authorization)

    def headers_to(self, service: str) -> tuple[tuple[bytes, bytes], ...]:
        """What goes with a call to the service of this name."""
        proof = None if self.authorization is None else self.authorization(service)
        return self.headers if proof is None else (*self.headers, (b"authorization", proof))

    def remaining(self) -> float:
        """Seconds left for a call made here and now.

        Raises:
            TimedOut: there are none.
        """
        within = current_bounds.get()
        until = self.deadline if within is None else min(self.deadline, within.deadline)
        remaining = until - now()
        if remaining <= 0:
            raise TimedOut("there was no time left to ask it")
        return remaining

    def noting(
        self, upstream: str, method: str, target: str, *, answer: str
    ) -> AbstractContextManager[object]:
        """Within it is one call that no `Service` makes: whoever looks on sees it, and else it costs nothing.

        Args:
            upstream: whom it asks.
            method: in the words of its protocol, such as `gRPC`.
            target: what it asks for.
            answer: what is said of it when it ends well; of an `UpstreamError`, its reason is.
        """
        within = current_bounds.get()
        if within is None or within.noted is None:
            return UNSEEN
        return noting(within.noted, Noted(upstream, method, target, perf_counter()), answer)


class Upstream:
    """One service, by its name: opened once, used by everybody.

    Args:
        name: by which tables and logs call it.
        transport: reaches it.
        app: itself, when it is mounted in this process.
        limited: its concurrency limit, when it has one.
    """

    def __init__(
        self, name: str, transport: Transport, app: App | None = None, limited: Limited | None = None
    ) -> None:
        self.name = name
        self.app = app
        self.limited = limited
        self.send = transport.send
        """Send a request; returns its answer, whatever its status. Raises `UpstreamError` without one."""
        self._transport = transport

    async def __aenter__(self) -> Self:
        await self._transport.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._transport.__aexit__(*exc)

    async def is_ready(self) -> bool:
        """Whether the service says at `/health/ready` that it is."""
        async with await self.send(Request(method="GET", target="/health/ready", timeout=2.0)) as reply:
            return reply.status == 200  # noqa: PLR2004 (the status is the name)

    def within(self, context: Context) -> "Service":
        """This service for the calls of one incoming request."""
        return Service(self, context)


class Service:
    """A service within one request's context: asks in JSON, answers typed, fails as `UpstreamError`."""

    def __init__(self, upstream: Upstream, context: Context) -> None:
        self._upstream = upstream
        self._context = context

    def get(self, target: str, shape: type[Shape]) -> Coroutine[Any, Any, Shape]:
        """Read a resource; members that `shape` does not name are passed over (a tolerant reader)."""
        return self.send("GET", target, shape)

    async def send(
        self,
        method: str,
        target: str,
        shape: type[Shape],
        *,
        body: Any = None,
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> Shape:
        """Send a request with a JSON body, if any, and decode the answer.

        Raises:
            UpstreamError: there is no answer, or none that fits `shape`.
        """
        within = current_bounds.get()
        if within is not None:
            within.check(method, headers)
        request = self._request(method, target, headers)
        if body is not None:
            request.headers.append((b"content-type", b"application/json"))
            request.body = msgspec.json.encode(body)
        if within is not None and within.noted is not None:
            return await self._noted(within.noted, request, partial(_typed, shape))
        reply = await self._upstream.send(request)
        return _decode(reply, await _whole(reply), shape)

    async def raw(self, target: str, hear: Callable[[Headers], None]) -> msgspec.Raw:
        """Read a resource whose JSON is to stay as it was written.

        Args:
            target: path and query.
            hear: is told the headers of any answer, whatever its status.

        Raises:
            UpstreamError: there is no answer, or none in JSON.
        """
        request = self._request("GET", target)
        within = current_bounds.get()
        if within is not None and within.noted is not None:
            return await self._noted(within.noted, request, partial(_raw, hear))
        return await _raw(hear, await self._upstream.send(request))

    def _request(self, method: str, target: str, headers: tuple[tuple[bytes, bytes], ...] = ()) -> Request:
        context = self._context
        remaining = context.remaining()
        told = [
            *context.headers_to(self._upstream.name),
            *headers,
            (b"accept", b"application/json"),
            (TIMEOUT_HEADER, milliseconds(remaining)),
        ]
        return Request(method=method, target=target, headers=told, timeout=remaining)

    async def _noted(
        self, noted: list[Noted], request: Request, read: Callable[[Reply], Awaitable[Shape]]
    ) -> Shape:
        """The same, for somebody who wants to know what was called."""
        note = Noted(self._upstream.name, request.method, request.target, perf_counter())
        with noting(noted, note, "done"):
            reply = await self._upstream.send(request)
            note.answer = str(reply.status)
            return await read(reply)


async def _whole(reply: Reply) -> bytes:
    if isinstance(reply.body, bytes) and len(reply.body) <= MAX_ANSWER:
        return reply.body
    async with reply:
        return await reply.read(MAX_ANSWER)


async def _typed(shape: type[Shape], reply: Reply) -> Shape:
    return _decode(reply, await _whole(reply), shape)


async def _raw(hear: Callable[[Headers], None], reply: Reply) -> msgspec.Raw:
    hear(reply.headers)
    if reply.status < 400 and not (reply.status < 300 and _is_json(reply)):  # noqa: PLR2004 (classes of status)
        await reply.release()
        raise Nonsense(f"it answered {reply.status} without JSON")
    said = _decode(reply, await _whole(reply), msgspec.Raw)
    try:
        str(memoryview(said), "utf-8")
    except UnicodeDecodeError as fault:
        raise Nonsense(f"its answer cannot be read: {fault}") from fault
    return said


def _is_json(reply: Reply) -> bool:
    kind = reply.header(b"content-type") or b""
    return kind == b"application/json" or _JSON.match(kind) is not None


_decoder = cache(msgspec.json.Decoder[Any])


def _decode(reply: Reply, content: bytes, shape: type[Shape]) -> Shape:
    if reply.status >= 500:  # noqa: PLR2004 (the bounds of the classes of status)
        raise Failed(f"it answered {reply.status}")
    if reply.status >= 400:  # noqa: PLR2004 (the same)
        raise _refusal(reply, content)
    if shape is type(None):
        return None
    try:
        decoded: Shape = _decoder(cast(Hashable, shape)).decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:  # the last: nested too deeply
        raise Nonsense(f"its answer cannot be read: {fault}") from fault
    return decoded


def _refusal(reply: Reply, content: bytes) -> Refused:
    retry_after = reply.header(b"retry-after")
    problem: dict[str, Any] = {}
    if (reply.header(b"content-type") or b"").startswith(b"application/problem+json"):
        try:
            problem = msgspec.json.decode(content, type=dict[str, Any])
        except (msgspec.MsgspecError, UnicodeDecodeError) as fault:
            raise Nonsense(f"its problem cannot be read: {fault}") from fault
    kind, detail = problem.pop("type", None), problem.pop("detail", None)
    own = {name: value for name, value in problem.items() if name not in {"title", "status", "request_id"}}
    return Refused(
        reply.status,
        kind=kind if isinstance(kind, str) else None,
        detail=detail if isinstance(detail, str) else None,
        members=own,
        retry_after=retry_after.decode("latin-1") if retry_after else None,
    )
