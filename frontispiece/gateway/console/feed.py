"""The figures as server-sent events: all of them first, then once a second what has changed."""

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus
from time import time
from typing import TYPE_CHECKING, Final

import msgspec

from frontispiece.gateway.console.bff_calls import BffCalls
from frontispiece.gateway.console.figures import Figures, FiguresReader, changes
from frontispiece.gateway.console.request import NO_STORE
from frontispiece.http.messages import Reply
from frontispiece.http.problems import Problem

if TYPE_CHECKING:
    from frontispiece.gateway.edge import Gateway

INTERVAL: Final = 1.0
"""Seconds between two events."""

MAX_WATCHERS: Final = 16
"""Streams at a time."""


class Feed:
    """The figures of a gateway, read once a second for all watchers together, and not without any."""

    def __init__(self, gateway: "Gateway") -> None:
        self.watchers = 0
        self._calls = BffCalls(gateway)
        self._reader = FiguresReader(gateway, self._calls)
        self._figures: Figures = {}
        self._read_at = float("-inf")
        self._closed = asyncio.Event()
        self._lock = asyncio.Lock()

    def watch(self) -> Reply:
        """A stream of events; its release ends the watching.

        Raises:
            Problem: 503 `too-many-watchers`.
        """
        if self.watchers >= MAX_WATCHERS:
            detail = f"{MAX_WATCHERS} consoles watch already."
            raise Problem(503, "too-many-watchers", detail, headers={"Retry-After": "10"})
        self.watchers += 1
        headers = [(b"content-type", b"text/event-stream"), NO_STORE]
        return Reply(status=HTTPStatus.OK, headers=headers, body=self._events(), release=self._leave)

    def close(self) -> None:
        """End all streams."""
        self._closed.set()

    async def _leave(self) -> None:
        self.watchers -= 1
        if not self.watchers:
            self._calls.stop()

    async def _events(self) -> AsyncIterator[bytes]:
        sent: Figures = {}
        kind = "whole"
        while not self._closed.is_set():
            now = await self._now()
            yield _event(kind, changes(sent, now))
            sent, kind = now, "changes"
            try:
                await asyncio.wait_for(self._closed.wait(), INTERVAL)
            except TimeoutError:
                continue

    async def _now(self) -> Figures:
        """The figures, not older than half an interval: other watchers have just had them read."""
        async with self._lock:
            now = asyncio.get_running_loop().time()
            if now - self._read_at >= INTERVAL / 2:
                self._calls.start()
                self._figures, self._read_at = await self._reader.read(), now
            return self._figures


def _event(kind: str, figures: Figures) -> bytes:
    """An event with the figures and the moment, in milliseconds since 1970."""
    content = {"at": round(time() * 1000), **figures}
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), msgspec.json.encode(content))
