"""Time in tests: it goes on as usual, and leaps when a test says so."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from frontispiece import clocks


class Clock:
    """The clocks of the gateway, of BFFs and of access tokens in the test's process."""

    def __init__(self) -> None:
        self.ahead = 0.0
        """Seconds by which they are ahead."""

    def advance(self, seconds: float) -> None:
        """Move them on: what has expired by then has expired, and timers of the event loop that are due run.

        Services and stores in processes of their own, such as Valkey, have their own time.
        """
        self.ahead += seconds
        clocks.set_ahead(self.ahead)


@contextmanager
def leaping_clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    """The clock, and asyncio's event loop by it, for the duration of the block."""
    monkeypatch.setattr(asyncio.BaseEventLoop, "time", lambda _loop: clocks.monotonic())
    clock = Clock()
    try:
        yield clock
    finally:
        clocks.set_ahead(0)
