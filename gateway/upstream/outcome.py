"""What a call that has ended says of its upstream, and when it no longer occupies it."""

import asyncio
from collections.abc import Callable

from gateway.upstream.errors import UpstreamError
from gateway.upstream.message import Reply, Request

FAILED = 500
"""From this status on an answer says that the service failed, and not that it was asked wrongly."""

NEARLY_ALL = 0.9
"""The share of its time after which a call that is cancelled has timed out."""


def speaks_against(ended: BaseException, request: Request, seconds: float) -> bool:
    """Whether a call that ended so, after so many seconds, is a failure of its upstream.

    A caller that leaves says nothing of the upstream, and neither does a bug. But deadlines around a call
    cancel it in the same moment in which its own time ends, and mostly a little earlier: that is a time-out.
    """
    if isinstance(ended, asyncio.CancelledError):
        return seconds >= NEARLY_ALL * request.timeout
    return isinstance(ended, UpstreamError)


def when_released(reply: Reply, done: Callable[[], None]) -> None:
    """Have `done` called once, when the reply is released; at once when it is whole, for it holds nothing."""
    if isinstance(reply.body, bytes):
        done()
        return
    release = reply.release
    held = True

    async def let_go() -> None:
        nonlocal held
        try:
            await release()
        finally:
            if held:
                held = False
                done()

    reply.release = let_go
