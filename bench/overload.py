"""How the shop fares under more load than it can carry: `python -m bench.overload`, about a minute.

The whole shop runs in one process on one core, as `front up` starts it. A client on the other core first
finds what the product page can carry with few connections (the capacity), and then offers multiples of that
in an open loop: requests leave at their time, whether earlier ones were answered or not. Of each load it
prints the good answers (200 within the page's deadline), the refused and the late ones, how many pages were
degraded, and how long readiness took meanwhile. At the end 200 connections ask without a pause.
"""

import argparse
import asyncio
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter

from bench.checkout import shop
from bench.processes import CANDIDATES, REST
from bench.timing import percentile

PATH = "/web/products/PENS-001"
DEADLINE = 1.5
"""Seconds, of that page."""

CLIENT_TIMEOUT = 3.0
"""Seconds after which the client gives an answer up."""

LOADS = (0.5, 1.0, 2.0, 3.0, 5.0)
CONNECTIONS = 8
"""At a time while the capacity is measured."""

MANY_CONNECTIONS = 200
"""At a time at the end, each of which asks again as soon as it was answered or refused."""

PROBE_INTERVAL = 0.5
"""Seconds between two readiness probes."""


class Connection(asyncio.Protocol):
    """A client's connection: one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._length = -1
        self._answered: asyncio.Future[tuple[int, bool]] | None = None
        self.closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, _error: Exception | None) -> None:
        """It is closed."""
        self.closed = True
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(ConnectionResetError())

    def request(self, content: bytes) -> "asyncio.Future[tuple[int, bool]]":
        """Send a request; gives the status, and whether the page was degraded."""
        assert self._transport is not None
        self._received, self._length = b"", -1
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(content)
        return self._answered

    def data_received(self, data: bytes) -> None:
        """Read an answer until its end."""
        self._received += data
        if self._length < 0:
            head, end, _ = self._received.partition(b"\r\n\r\n")
            if not end:
                return
            fields = head.lower()
            self._length = len(head) + 4 + int(fields.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
            self._status = int(head[9:12])
            self._degraded = b"page-degraded:" in fields
        if len(self._received) >= self._length and self._answered is not None and not self._answered.done():
            self._answered.set_result((self._status, self._degraded))

    def close(self) -> None:
        """Close it."""
        if self._transport is not None:
            self._transport.abort()


@dataclass(kw_only=True)
class Outcome:
    """What became of an offered load.

    Args:
        offered: requests a second.
        seconds: how long.
    """

    offered: float
    seconds: float
    good: list[float] = field(default_factory=list)
    """Seconds of each good answer."""
    degraded: int = 0
    others: Counter[str] = field(default_factory=Counter)
    probes: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    """Seconds until each refusal."""

    @property
    def goodput(self) -> float:
        """Good answers a second."""
        return len(self.good) / self.seconds

    def count(self, status: int, seconds: float, *, degraded: bool) -> None:
        """Count an answer."""
        if status == 200 and seconds <= DEADLINE:  # noqa: PLR2004 (a status)
            self.good.append(seconds)
            self.degraded += degraded
        elif status == 200:  # noqa: PLR2004 (the same)
            self.others["late"] += 1
        else:
            self.others[str(status)] += 1
            if status == 503:  # noqa: PLR2004 (the same)
                self.refused.append(seconds)


class Client:
    """Sends requests on as many connections as it takes."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._every: list[Connection] = []
        self._idle: list[Connection] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._content = self._request(PATH)
        self._probe = self._request("/health/ready")

    def _request(self, path: str) -> bytes:
        return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n\r\n".encode()

    async def closed_loop(self, outcome: Outcome, connections: int) -> None:
        """So many requests at any time."""
        end = perf_counter() + outcome.seconds

        async def one_after_another() -> None:
            while perf_counter() < end:
                await self._send(outcome, perf_counter())

        await asyncio.gather(*(one_after_another() for _ in range(connections)))

    async def open_loop(self, outcome: Outcome) -> None:
        """So many requests a second, whatever becomes of them."""
        begun = perf_counter()
        probing = asyncio.create_task(self._probes(outcome))
        number = 0
        while (now := perf_counter() - begun) < outcome.seconds:
            while number / outcome.offered <= now:
                task = asyncio.create_task(self._send(outcome, begun + number / outcome.offered))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
                number += 1
            await asyncio.sleep(0.001)
        if self._tasks:
            await asyncio.wait(self._tasks)
        probing.cancel()

    async def _probes(self, outcome: Outcome) -> None:
        connection = await self._connection()
        while True:
            begun = perf_counter()
            status, _ = await connection.request(self._probe)
            outcome.probes.append(perf_counter() - begun)
            if status != 200:  # noqa: PLR2004 (a status)
                outcome.others[f"readiness {status}"] += 1
            await asyncio.sleep(PROBE_INTERVAL)

    async def _send(self, outcome: Outcome, begun: float) -> None:
        connection = None
        try:
            async with asyncio.timeout_at(asyncio.get_running_loop().time() + CLIENT_TIMEOUT):
                connection = await self._connection()
                status, degraded = await connection.request(self._content)
        except (OSError, TimeoutError) as failure:
            outcome.others[type(failure).__name__] += 1
            if connection is not None:
                connection.close()
            return
        outcome.count(status, perf_counter() - begun, degraded=degraded)
        self._idle.append(connection)

    async def _connection(self) -> Connection:
        while self._idle:
            if not (connection := self._idle.pop()).closed:
                return connection
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(Connection, "127.0.0.1", self._port)
        self._every.append(connection)
        return connection

    def close(self) -> None:
        """Close all connections."""
        for connection in self._every:
            connection.close()


async def measure(port: int, seconds: float, say: Callable[[str], object]) -> list[Outcome]:
    """The capacity, and what becomes of its multiples."""
    client = Client(port)
    for _ in range(2):  # the first warms up
        capacity = Outcome(offered=0, seconds=seconds)
        await client.closed_loop(capacity, CONNECTIONS)
    say(f"capacity: {capacity.goodput:,.0f} pages/s with {CONNECTIONS} connections")
    outcomes = [Outcome(offered=share * capacity.goodput, seconds=seconds) for share in LOADS]
    for outcome in outcomes:
        await client.open_loop(outcome)
        say(line(f"{outcome.offered / capacity.goodput:.1f} x", outcome, capacity.goodput))
    outcomes.append(Outcome(offered=0, seconds=seconds))
    await client.closed_loop(outcomes[-1], MANY_CONNECTIONS)
    say(line(f"{MANY_CONNECTIONS} connections", outcomes[-1], capacity.goodput))
    client.close()
    return outcomes


def line(label: str, outcome: Outcome, capacity: float) -> str:
    """A load in a line; times in milliseconds."""
    degraded = outcome.degraded / max(1, len(outcome.good))
    others = ", ".join(f"{count} {name}" for name, count in sorted(outcome.others.items()))
    return (
        f"{label:>15}  offered {outcome.offered:6,.0f}/s  "
        f"good {outcome.goodput:6,.0f}/s ({outcome.goodput / capacity:4.0%}, {degraded:4.0%} degraded)  "
        f"p50 {_ms(outcome.good, 50)}  p99 {_ms(outcome.good, 99)}  refused p99 {_ms(outcome.refused, 99)}  "
        f"readiness p50 {_ms(outcome.probes, 50)} worst {_ms(outcome.probes, 100)}  {others}"
    )


def _ms(seconds: list[float], percent: int) -> str:
    return f"{percentile(seconds, percent) * 1000:.0f}" if seconds else "-"


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=6.0, help="of each load")
    options = parser.parse_args()
    os.sched_setaffinity(0, {REST})
    with shop("sqlite", core=CANDIDATES) as (url, *_):
        asyncio.run(measure(int(url.rpartition(":")[2]), options.seconds, partial(print, flush=True)))


if __name__ == "__main__":
    main()
