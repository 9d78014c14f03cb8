"""The deadlines of a connection, on one timer that is armed lazily."""

import asyncio
import math
from collections.abc import Callable
from typing import Final

NEVER: Final = math.inf

RESOLUTION: Final = 0.001
"""Seconds by which a loop may call a timer early."""


class Deadlines:
    """When the client must have sent, and when it must have read; moving a deadline on sets no timer.

    Args:
        loop: the running event loop.
        read_passed: called when the client has not sent in time.
        send_passed: called when the client has not read in time.
    """

    __slots__ = ("_loop", "_read_passed", "_send", "_send_passed", "_timer", "_timer_at", "read_at")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        read_passed: Callable[[], None],
        send_passed: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._read_passed = read_passed
        self._send_passed = send_passed
        self.read_at = NEVER
        """When the client must have sent, by the loop's clock; `NEVER` lets it take its time."""
        self._send = NEVER
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = NEVER

    def read_within(self, seconds: float) -> None:
        """The client must send within so many seconds."""
        self.read_at = at = self._loop.time() + seconds
        if at < self._timer_at:
            self._arm(at)

    def send_within(self, seconds: float) -> None:
        """The client must read within so many seconds."""
        self._send = at = self._loop.time() + seconds
        if at < self._timer_at:
            self._arm(at)

    def stop_send(self) -> None:
        """The client may take its time to read."""
        self._send = NEVER

    def stop(self) -> None:
        """Call nothing any more, and let go of the connection."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.read_at = self._send = self._timer_at = NEVER
        self._read_passed = self._send_passed = lambda: None

    def _arm(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = at
        self._timer = self._loop.call_at(at, self._check)

    def _check(self) -> None:
        now = self._loop.time() + RESOLUTION
        self._timer, self._timer_at = None, NEVER
        if self._send <= now:
            self._send = NEVER
            self._send_passed()
        if self.read_at <= now:
            self.read_at = NEVER
            self._read_passed()
        at = min(self.read_at, self._send)
        if at < self._timer_at:
            self._arm(at)
