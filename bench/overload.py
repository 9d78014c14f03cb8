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
from typing import NamedTuple

from bench.checkout import shop
from bench.processes import CANDIDATES, REST
from bench.timing import percentile

PATH = "/web/products/PENS-001"
DEADLINE = 1.5
"""The deadline of that page, in seconds."""

CLIENT_TIMEOUT = 3.0
"""Seconds after which the client gives an answer up."""

LOADS = (0.5, 1.0, 2.0, 3.0, 5.0)
CONNECTIONS = 8
"""Connections while the capacity is measured."""

MANY_CONNECTIONS = 200
"""Connections at the end, each of which sends the next request as soon as it has an answer."""

PROBE_INTERVAL = 0.5
"""Seconds between two readiness probes."""


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Answer(NamedTuple):
    """An answer: its status, whether the page was degraded, and its bytes."""

    status: int
    degraded: bool
    size: int


async def ask(connection: Connection, request: bytes) -> Answer:
    """Send a request; returns the answer."""
    reader, writer = connection
    writer.write(request)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    body = await reader.readexactly(int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0]))
    return Answer(int(head[9:12]), b"page-degraded:" in head, len(head) + len(body))


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
        """Keep so many requests under way."""
        end = perf_counter() + outcome.seconds

        async def one_after_another() -> None:
            while perf_counter() < end:
                await self._send(outcome, perf_counter())

        await asyncio.gather(*(one_after_another() for _ in range(connections)))

    async def open_loop(self, outcome: Outcome) -> None:
        """Send requests at the offered rate, whether earlier ones were answered or not."""
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
            status = (await ask(connection, self._probe)).status
            outcome.probes.append(perf_counter() - begun)
            if status != 200:  # noqa: PLR2004 (a status)
                outcome.others[f"readiness {status}"] += 1
            await asyncio.sleep(PROBE_INTERVAL)

    async def _send(self, outcome: Outcome, begun: float) -> None:
        connection = None
        try:
            async with asyncio.timeout_at(asyncio.get_running_loop().time() + CLIENT_TIMEOUT):
                connection = await self._connection()
                answer = await ask(connection, self._content)
        except (OSError, EOFError) as failure:
            outcome.others[type(failure).__name__] += 1
            if connection is not None:
                connection[1].transport.abort()
            return
        outcome.count(answer.status, perf_counter() - begun, degraded=answer.degraded)
        self._idle.append(connection)

    async def _connection(self) -> Connection:
        while self._idle:
            reader, writer = self._idle.pop()
            if not (reader.at_eof() or writer.is_closing()):
                return reader, writer
        self._every.append(await asyncio.open_connection("127.0.0.1", self._port))
        return self._every[-1]

    def close(self) -> None:
        """Close all connections."""
        for _, writer in self._every:
            writer.transport.abort()


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
