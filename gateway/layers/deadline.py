"""No call waits for ever."""

import asyncio
from datetime import timedelta

from gateway.alarm import Alarm
from gateway.call import Call, Handler, Layer
from gateway.upstream import Reply, TimedOut


def within(limit: timedelta) -> Layer:
    """End a call whose answer has not begun in time."""
    seconds = limit.total_seconds()

    def layer(inner: Handler) -> Handler:
        async def handle(call: Call) -> Reply:
            alarm = Alarm(seconds)
            try:
                return await inner(call)
            except asyncio.CancelledError:
                if not alarm.meant_this():
                    raise
                raise TimedOut(f"no answer in {seconds:g} s") from None
            finally:
                alarm.off()

        return handle

    return layer
