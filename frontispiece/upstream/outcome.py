"""How a call ended: whether its upstream failed, and when its reply is released."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from functools import partial

from frontispiece.aio import Deadline
from frontispiece.http.messages import BodyStream, BodyTooLarge, Reply, Request, read_whole, whole_or_stream
from frontispiece.http.problems import Problem
from frontispiece.upstream.errors import TimedOut, UpstreamClientError, UpstreamError

FAILED = 500
"""From this status on a response is a failure of the service."""

TIMEOUT_SHARE = 0.9
"""The share of its timeout after which a cancelled call counts as timed out."""


def is_upstream_failure(ended: BaseException, request: Request, seconds: float) -> bool:
    """Whether a call that raised this after so many seconds is a failure of its upstream.

    A refusal is an answer. A cancellation says nothing about the upstream, and neither does a bug. But a
    deadline around a call cancels it at the moment of its own timeout, and mostly a little earlier: that
    counts as a timeout. Only the time counts that the upstream has had: while the request's body is on its
    way, it is the client's.
    """
    if isinstance(ended, asyncio.CancelledError | TimedOut):
        if isinstance(request.body, BodyStream):
            seconds = min(seconds, request.body.service_seconds())
        elif isinstance(ended, TimedOut):
            return True
        return seconds >= TIMEOUT_SHARE * request.timeout
    return isinstance(ended, UpstreamError) and not isinstance(ended, UpstreamClientError)


def is_waiting_for_client(request: Request) -> bool:
    """Whether a call goes on only when its client has sent more of the request's body."""
    return isinstance(request.body, BodyStream) and request.body.is_awaited


def service_latency(request: Request, seconds: float) -> float | None:
    """Seconds that the upstream took of these for its response; None when that came before the body's end."""
    if not isinstance(request.body, BodyStream):
        return seconds
    return min(seconds, request.body.service_seconds()) if request.body.is_ended else None


def seconds_left(body: bytes | BodyStream, timeout: float) -> float:
    """Seconds that there are for a response when its timeout passes: its time begins at the body's end."""
    if isinstance(body, BodyStream) and body.is_ended:
        return timeout - body.service_seconds()
    return 0.0


def lateness(body: bytes | BodyStream, timeout: float) -> Problem | TimedOut:
    """The failure of a call without a response in time: the client's while its body is waited for."""
    if isinstance(body, BodyStream) and body.is_awaited:
        return Problem(408, "body-too-slow", "The body did not come in time.")
    return TimedOut(f"no answer in {timeout:.3g} s")


@contextmanager
def response_deadline(body: bytes | BodyStream, timeout: float, grace: float = 0.0) -> Iterator[None]:
    """Within, a response is awaited until its timeout has passed: then the block is cancelled.

    Raises:
        Problem: 408, the request's body was still on its way.
        TimedOut: it was not.
    """
    deadline = Deadline(timeout + grace, partial(seconds_left, body, timeout))
    try:
        yield
    except asyncio.CancelledError:
        if not deadline.expired():
            raise
        raise lateness(body, timeout) from None
    finally:
        deadline.cancel()


async def read_body(body: bytes | AsyncIterator[bytes], limit: int, seconds: float) -> bytes:
    """The whole body of a request.

    Raises:
        Problem: 413, it is longer than the limit; 408, it does not come in time.
    """
    stream = whole_or_stream(body)
    try:
        if isinstance(stream, bytes):
            return await read_whole(stream, limit)
        with response_deadline(stream, seconds):
            return await read_whole(stream, limit)
    except BodyTooLarge:
        raise Problem(413, "body-too-large", f"A body has at most {limit} bytes here.") from None


def when_released(reply: Reply, done: Callable[[], None]) -> None:
    """Call `done` once, when the reply is released; at once when it is complete: it holds nothing."""
    if isinstance(reply.body, bytes):
        done()
        return
    release = reply.release
    pending = True

    async def release_once() -> None:
        nonlocal pending
        try:
            await release()
        finally:
            if pending:
                pending = False
                done()

    reply.release = release_once
