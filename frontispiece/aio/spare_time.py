"""Work that may wait, begun while the event loop has nothing else to do.

The handlers of messages share a loop with requests, and with all apps that run in the same process. A client
waits for a request; nobody waits for a message. So one begins in a turn of the loop that was short, which is
one in which nothing else ran; but it waits for `MAX_WAIT` at most, so that messages never pile up behind
requests: what is accepted would time out.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Final
from weakref import WeakKeyDictionary

SHORT_TURN: Final = 0.0005
"""Seconds that a turn of the loop takes at most in which nothing else ran."""

MAX_WAIT: Final = 0.1
"""Seconds that work waits at most."""


class SpareTime:
    """The spare time of one event loop: who waits for it goes on one after the other.

    Args:
        clock: the time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._waiting: deque[tuple[float, asyncio.Future[None]]] = deque()
        """Until when each waits, and what ends its waiting."""
        self._watch: asyncio.Task[None] | None = None

    async def wait(self) -> None:
        """Return when the loop has nothing else to do, or after `MAX_WAIT`."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((self._clock() + MAX_WAIT, turn))
        if self._watch is None:
            self._watch = asyncio.create_task(self._give_turns())
        await turn

    async def _give_turns(self) -> None:
        try:
            while self._waiting:
                began = self._clock()
                await asyncio.sleep(0)
                now = self._clock()
                if now - began <= SHORT_TURN:
                    self._give_turn()
                while self._waiting and self._waiting[0][0] <= now:
                    self._give_turn()
        finally:
            self._watch = None

    def _give_turn(self) -> None:
        _, turn = self._waiting.popleft()
        if not turn.done():  # else who waited was cancelled
            turn.set_result(None)


_of_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, SpareTime] = WeakKeyDictionary()


async def spare_time() -> None:
    """Wait for spare time of the running loop, which all apps of this process share; see `SpareTime`."""
    await _of_loop.setdefault(asyncio.get_running_loop(), SpareTime()).wait()
