"""Clients of services: untyped for the gateway that passes answers on, typed for pages that read them."""

import asyncio
from dataclasses import dataclass
from typing import Any, Self, TypeVar

import msgspec

from gateway.upstream.errors import Failed, Nonsense, Refused, TimedOut
from gateway.upstream.message import Headers, Reply, Request, Transport

Shape = TypeVar("Shape")

MAX_ANSWER = 10 * 1024 * 1024
"""The longest answer in bytes that is read into memory."""

CARRIED = frozenset({b"authorization", b"x-request-id", b"traceparent", b"tracestate"})
"""Headers of an incoming request that go with every call made for it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """On whose behalf and until when calls are made: what one incoming request gives to all its calls."""

    headers: tuple[tuple[bytes, bytes], ...] = ()
    deadline: float
    """In the event loop's time, seconds."""

    @classmethod
    def of(cls, headers: Headers, deadline: float) -> Self:
        """The context of a request with these headers."""
        return cls(headers=tuple(field for field in headers if field[0] in CARRIED), deadline=deadline)

    def remaining(self) -> float:
        """Seconds left, never below zero."""
        return max(0.0, self.deadline - asyncio.get_running_loop().time())


class Upstream:
    """One service, by its name: opened once, used by everybody."""

    def __init__(self, name: str, transport: Transport) -> None:
        self.name = name
        self._transport = transport

    async def __aenter__(self) -> Self:
        await self._transport.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._transport.__aexit__(*exc)

    async def send(self, request: Request) -> Reply:
        """Send a request and return its answer, whatever its status.

        Raises:
            UpstreamError: there is no answer.
        """
        return await self._transport.send(request)

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

    async def get(self, target: str, shape: type[Shape]) -> Shape:
        """Read a resource; members that `shape` does not name are passed over (a tolerant reader)."""
        return await self.send("GET", target, shape)

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
        remaining = self._context.remaining()
        if not remaining:
            raise TimedOut("there was no time left to ask it")
        request = Request(
            method=method,
            target=target,
            headers=[*self._context.headers, *headers, (b"accept", b"application/json")],
            timeout=remaining,
        )
        if body is not None:
            request.headers.append((b"content-type", b"application/json"))
            request.body = msgspec.json.encode(body)
        async with await self._upstream.send(request) as reply:
            content = await reply.read(MAX_ANSWER)
        return _decode(reply, content, shape)


def _decode(reply: Reply, content: bytes, shape: type[Shape]) -> Shape:
    if reply.status >= 500:  # noqa: PLR2004 (the bounds of the classes of status)
        raise Failed(f"it answered {reply.status}")
    if reply.status >= 400:  # noqa: PLR2004 (the same)
        raise _refusal(reply, content)
    if shape is type(None):
        return None
    try:
        return msgspec.json.decode(content, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError) as fault:
        raise Nonsense(f"its answer cannot be read: {fault}") from fault


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
