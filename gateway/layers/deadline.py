"""No call waits for ever."""

import asyncio
from datetime import timedelta

from gateway.call import Call, Handler, Layer
from gateway.upstream import Reply, TimedOut


def within(limit: timedelta) -> Layer:
    """End a call whose answer has not begun in time."""
    seconds = limit.total_seconds()

    def layer(inner: Handler) -> Handler:
        async def handle(call: Call) -> Reply:
            timeout = asyncio.timeout(seconds)
            try:
                async with timeout:
                    return await inner(call)
            except TimeoutError:
                if not timeout.expired():
                    raise
                raise TimedOut(f"no answer in {seconds:g} s") from None

        return handle

    return layer
