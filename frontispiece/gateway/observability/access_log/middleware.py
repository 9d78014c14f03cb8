"""The access log of one gateway, around all that it serves."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from time import perf_counter
from typing import TYPE_CHECKING, Final, Self

from prometheus_client.core import CounterMetricFamily
from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from frontispiece.gateway.observability.access_log.format import Addresses, LineFormatter
from frontispiece.gateway.observability.access_log.record import AccessRecord, current, timed
from frontispiece.gateway.observability.access_log.writer import STDOUT, LineWriter
from frontispiece.http.messages import IncomingRequest, Reply
from frontispiece.settings import Settings
from frontispiece.upstream import LifespanFailed, Upstream
from frontispiece.upstream.observed import ObservedTransport
from frontispiece.upstream.outcome import when_released

if TYPE_CHECKING:
    from frontispiece.gateway.edge import ServeRequest
    from frontispiece.gateway.policies.websocket.downstream import ClientSocket

OFF: Final = "off"


class AccessLogSettings(Settings):
    """The access log's settings."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_")

    access_log: str = Field(OFF, description="`off`, `stdout`, or the file that lines are added to.")
    access_log_addresses: Addresses = Field(
        Addresses.NETWORK,
        description="How much of clients' addresses the access log has: `none`, `network` (/24, IPv6: /48) "
        "or `whole`.",
    )

    @field_validator("access_log")
    @classmethod
    def _is_destination(cls, text: str) -> str:
        if text not in {OFF, STDOUT} and "/" not in text:
            raise ValueError(f'{text!r} is no place: write "{OFF}", "{STDOUT}" or a path with a slash in it')
        return text


class AccessLog:
    """Writes a line for every request, within `async with`; as a collector it counts lines."""

    def __init__(self, settings: AccessLogSettings, secret: bytes) -> None:
        self._lines = LineFormatter(settings.access_log_addresses, secret)
        self.writer = LineWriter(settings.access_log)

    async def __aenter__(self) -> Self:
        try:
            self.writer.start()
        except OSError as fault:
            raise LifespanFailed(f"GATEWAY_ACCESS_LOG: {fault}") from fault
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await asyncio.to_thread(self.writer.stop)

    def observe(self, upstream: Upstream) -> Upstream:
        """The same upstream, with its time added to the records of requests that call it."""
        return Upstream(
            upstream.name, ObservedTransport(upstream, timed), upstream.app, addresses=upstream.addresses
        )

    def wrap(self, respond: "ServeRequest") -> "ServeRequest":
        """The same with a line for each request, written when its response is complete or given up."""

        async def logged(request: IncomingRequest, socket: "ClientSocket | None") -> Reply:
            record = AccessRecord()
            began = perf_counter()

            def write() -> None:
                line = self._lines.line(request, record, datetime.now(UTC), perf_counter() - began)
                self.writer.put(line)

            token = current.set(record)
            try:
                reply = await respond(request, socket)
            except BaseException:
                write()
                raise
            finally:
                current.reset(token)
            record.begin_response(reply.status, reply.headers)
            if isinstance(reply.body, bytes):
                record.sent = len(reply.body)
            else:
                reply.body = _counted(reply.body, record)
            when_released(reply, write)
            return reply

        return logged

    def collect(self) -> Iterator[CounterMetricFamily]:
        """How many lines were written and dropped."""
        yield CounterMetricFamily("gateway_access_log_lines", "Lines written.", self.writer.written)
        dropped = CounterMetricFamily(
            "gateway_access_log_dropped", "Lines that were not written.", labels=["reason"]
        )
        dropped.add_metric(["overflow"], self.writer.overflowed)
        dropped.add_metric(["unwritable"], self.writer.lost)
        yield dropped


async def _counted(chunks: AsyncIterator[bytes], record: AccessRecord) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        record.sent += len(chunk)
        yield chunk
