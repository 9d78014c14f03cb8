"""Requests at a given rate, whether earlier ones were answered or not, and how long each took.

Arrivals are random (a Poisson process from a fixed seed), as clients' are, and a latency counts from the
moment that a request was due: a candidate that falls behind is not spared the waiting.
"""

import asyncio
import math
import random
import re
import selectors
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import cast

from bench.timing import percentile

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_END = b"\r\n\r\n"
SPARE = 0.1
"""Seconds that all requests may take before connections run out."""

MIN_CONNECTIONS, MAX_CONNECTIONS = 32, 900  # select() knows 1,024 files
GRACE = 5.0
"""Seconds that the last answers may take."""


@dataclass(kw_only=True, slots=True)
class Paced:
    """The result: latencies in seconds, of right answers only."""

    latencies: list[float] = field(default_factory=list)
    errors: int = 0

    def percentile(self, percent: float) -> float:
        """The latency in milliseconds that so many percent of the answers stayed within."""
        return percentile(self.latencies, percent) * 1000 if self.latencies else math.inf


def paced(port: int, path: str, headers: Mapping[str, str], *, rate: float, seconds: float) -> Paced:
    """Send `rate` requests a second for so many seconds."""
    # select() waits to the microsecond, where epoll and uvloop do to the millisecond
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        return runner.run(_Pace(port, path, headers).run(rate, seconds))


class _Pace:
    def __init__(self, port: int, path: str, headers: Mapping[str, str]) -> None:
        self._port = port
        fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{fields}\r\n".encode()
        self._idle: list[_Connection] = []
        self.paced = Paced()
        self._open = 0
        self._sent = False
        self._ended = asyncio.Event()

    async def run(self, rate: float, seconds: float) -> Paced:
        loop = asyncio.get_running_loop()
        connections = []
        for _ in range(min(MAX_CONNECTIONS, max(MIN_CONNECTIONS, round(rate * SPARE)))):
            _, connection = await loop.create_connection(lambda: _Connection(self), "127.0.0.1", self._port)
            connections.append(connection)
        self._idle += connections
        gaps = random.Random(1)  # noqa: S311 (nothing to guess: the same arrivals in every run)
        due = loop.time()
        until = due + seconds
        while due < until:
            due += gaps.expovariate(rate)
            if (left := due - loop.time()) > 0:
                await asyncio.sleep(left)
            self._send(due)
        with suppress(TimeoutError):  # what is missing by then is counted
            async with asyncio.timeout(GRACE):
                await self._all_answered()
        self.paced.errors += self._open
        for connection in connections:
            connection.close()
        return self.paced

    async def _all_answered(self) -> None:
        self._sent = True
        if self._open:
            await self._ended.wait()

    def _send(self, due: float) -> None:
        if not self._idle:
            self.paced.errors += 1
            return
        self._open += 1
        self._idle.pop().send(due)

    def answered(self, connection: "_Connection", latency: float | None) -> None:
        """Take a connection back; None is a wrong answer, after which it is of no use."""
        self._open -= 1
        if self._sent and not self._open:
            self._ended.set()
        if latency is None:
            self.paced.errors += 1
        else:
            self.paced.latencies.append(latency)
            self._idle.append(connection)


class _Connection(asyncio.Protocol):
    """Reads answers that tell their length: one at a time, as it asks for one at a time."""

    def __init__(self, pace: _Pace) -> None:
        self._pace = pace
        self._loop = asyncio.get_running_loop()
        self._due: float | None = None
        self._read = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def send(self, due: float) -> None:
        self._due = due
        self._transport.write(self._pace.request)

    def close(self) -> None:
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._read += data
        end = self._read.find(_END)
        if end < 0 or self._due is None:
            return
        length = _LENGTH.search(self._read, 0, end + 2)
        if length is None or not self._read.startswith(b"HTTP/1.1 200"):
            self._ended(None)
            self._transport.abort()
        elif len(self._read) >= end + len(_END) + int(length[1]):
            self._ended(self._loop.time() - self._due)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        if self._due is not None:
            self._ended(None)

    def _ended(self, latency: float | None) -> None:
        self._due, self._read = None, b""
        self._pace.answered(self, latency)
