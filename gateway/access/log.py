"""The access log of one gateway: around all that answers requests, whatever becomes of them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from time import perf_counter
from typing import Self

from prometheus_client.core import CounterMetricFamily

from gateway.access.entry import Entry, Timed, current
from gateway.access.line import Lines
from gateway.access.settings import OFF, AccessLogSettings
from gateway.access.writer import Writer
from gateway.upstream import LifespanFailed, Upstream
from kit.asgi import Message, Receive, Scope, Send

Exchange = Callable[[Scope, Receive, Send], Awaitable[None]]


class AccessLog:
    """Writes a line for every request; open it with `async with`. As a collector, it tells how it fares.

    Args:
        settings: where lines go, and what they tell.
        secret: by it users are told apart.
    """

    def __init__(self, settings: AccessLogSettings, secret: bytes) -> None:
        self._lines = Lines(settings.access_log_addresses, secret)
        self.writer = Writer(settings.access_log)

    @classmethod
    def of(cls, settings: AccessLogSettings, secret: bytes) -> Self | None:
        """The log that the settings ask for; None when they ask for none."""
        return None if settings.access_log == OFF else cls(settings, secret)

    async def __aenter__(self) -> Self:
        try:
            self.writer.start()
        except OSError as fault:
            raise LifespanFailed(f"GATEWAY_ACCESS_LOG: {fault}") from fault
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await asyncio.to_thread(self.writer.stop)

    def timed(self, upstream: Upstream) -> Upstream:
        """The same upstream, with its time told in the lines of those who waited for it."""
        return Upstream(upstream.name, Timed(upstream), upstream.app, addresses=upstream.addresses)

    def around(self, exchange: Exchange) -> Exchange:
        """The same exchange, with a line for it."""

        async def logged(scope: Scope, receive: Receive, send: Send) -> None:
            entry = Entry()
            begun = perf_counter()

            async def answer(message: Message) -> None:
                if message["type"] == "http.response.start":
                    entry.answered(message["status"], message["headers"])
                else:
                    entry.sent += len(message.get("body", b""))
                await send(message)

            token = current.set(entry)
            try:
                await exchange(scope, receive, answer)
            finally:
                current.reset(token)
                line = self._lines.line(scope, entry, datetime.now(UTC), perf_counter() - begun)
                self.writer.put(line)

        return logged

    def collect(self) -> Iterator[CounterMetricFamily]:
        """How many lines were written, and how many were not."""
        yield CounterMetricFamily("gateway_access_log_lines", "Lines written.", self.writer.written)
        dropped = CounterMetricFamily(
            "gateway_access_log_dropped", "Lines that were not written.", labels=["reason"]
        )
        dropped.add_metric(["overflow"], self.writer.overflowed)
        dropped.add_metric(["unwritable"], self.writer.lost)
        yield dropped
