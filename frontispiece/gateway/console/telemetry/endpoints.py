"""The traces and logs of the apps: received by OTLP over HTTP, kept in a file, and read by the console."""

import asyncio
import logging
import os
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from http import HTTPStatus
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, TypeVar

from frontispiece.extras import MissingExtra, extra
from frontispiece.gateway.console.request import ConsoleEndpoint, ConsoleRequest, json_reply
from frontispiece.gateway.console.telemetry import queries
from frontispiece.gateway.console.telemetry.store import StoreUnavailable, TelemetryStore
from frontispiece.http.messages import Reply, field
from frontispiece.http.problems import Problem
from frontispiece.telemetry import why_elsewhere

if TYPE_CHECKING:
    from frontispiece.gateway.console.app import Console

log = logging.getLogger(__name__)

PROTOBUF: Final = b"application/x-protobuf"
MAX_WAITING: Final = 16
"""Requests that wait to be stored; further ones are to be sent again."""

EXIT_TIMEOUT: Final = 2.0
"""Seconds that the end of the admin port waits for what is being stored."""

Result = TypeVar("Result")


class _StoreThread:
    """A daemon with the store: no query holds up the event loop, or the end of the process."""

    def __init__(self, store: TelemetryStore) -> None:
        self._store = store
        self._work: SimpleQueue[tuple[Future[Any], Callable[[TelemetryStore], Any]] | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="console", daemon=True)

    async def run(self, work: Callable[[TelemetryStore], Result]) -> Result:
        """The result of work with the store, after all that was requested before."""
        if self._thread.ident is None:
            self._thread.start()
        future: Future[Result] = Future()
        self._work.put((future, work))
        return await asyncio.wrap_future(future)

    async def close(self) -> None:
        """Close the store, after all that was requested before, within `EXIT_TIMEOUT`."""
        if self._thread.ident is None:
            return
        self._work.put(None)
        await asyncio.to_thread(self._thread.join, EXIT_TIMEOUT)
        if self._thread.is_alive():
            log.warning("traces and logs that came last are not stored: it takes too long")

    def _run(self) -> None:
        while (item := self._work.get()) is not None:
            future, work = item
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(work(self._store))
            except BaseException as failure:  # noqa: BLE001 (of whoever waits)
                future.set_exception(failure)
        self._store.close()


class Telemetry:
    """Receives traces and logs, and answers queries about them.

    Args:
        path: the store's file; None to receive nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self._store = None if path is None else _StoreThread(TelemetryStore(path))
        self._waiting = 0
        self._failure = ""

    async def close(self) -> None:
        """Store what has been received, and close the file."""
        if self._store is not None:
            await self._store.close()

    async def read(self, query: Callable[[TelemetryStore], Result]) -> Result:
        """The result of a query.

        Raises:
            Problem: 404 `telemetry-off`, 503 `telemetry-unavailable`, or what the query says.
        """
        try:
            return await self._in_thread(query)
        except StoreUnavailable as failure:
            raise Problem(503, "telemetry-unavailable", f"{failure}.", headers={"Retry-After": "5"}) from None

    async def receive(self, request: ConsoleRequest, signal: str) -> Reply:
        """Store the spans or logs of a request in OTLP; what cannot be stored is rejected, for that is final.

        Raises:
            Problem: 400 `otlp-invalid`, 404 `telemetry-off`, 413 `otlp-too-large` or `body-too-large`,
                415 `media-type-unknown`, 501 `extra-missing`, 503 `telemetry-busy`.
        """
        if (field(request.headers, b"content-type") or b"").partition(b";")[0].strip() != PROTOBUF:
            raise Problem(415, "media-type-unknown", f"OTLP is read as {PROTOBUF.decode()}.")
        if self._waiting >= MAX_WAITING:
            raise Problem(503, "telemetry-busy", "Too many requests wait.", headers={"Retry-After": "1"})
        otlp = _otlp()
        coding = (field(request.headers, b"content-encoding") or b"").decode("latin-1").strip().lower()
        self._waiting += 1
        try:
            body = await request.read(otlp.MAX_BYTES)
            content = await self._in_thread(lambda store: self._stored(store, otlp, signal, body, coding))
        finally:
            self._waiting -= 1
        return Reply.whole(HTTPStatus.OK, content, [(b"content-type", PROTOBUF)])

    def _stored(self, store: TelemetryStore, otlp: Any, signal: str, body: bytes, coding: str) -> bytes:
        records, rejected = otlp.READ[signal](otlp.unpacked(body, coding))
        reason = "ids or times are invalid, or a trace has too many spans"
        try:
            rejected += store.add_spans(records) if signal == otlp.SPANS else store.add_logs(records)
            self._failure = ""
        except StoreUnavailable as failure:
            rejected += len(records)
            reason = str(failure)
            if reason != self._failure:  # not with each request
                log.warning("the console stores no traces and logs: %s", reason)
            self._failure = reason
        return bytes(otlp.response(signal, rejected, reason))

    async def _in_thread(self, work: Callable[[TelemetryStore], Result]) -> Result:
        if self._store is None:
            reason = ", ".join(filter(None, ["GATEWAY_CONSOLE_STORE is not set", why_elsewhere(os.environ)]))
            raise Problem(404, "telemetry-off", f"Traces and logs are not received: {reason}.")
        return await self._store.run(work)


def _otlp() -> ModuleType:
    try:
        with extra("otel"):
            from frontispiece.gateway.console.telemetry import otlp  # noqa: PLC0415 (an extra)
    except MissingExtra as missing:
        raise Problem(501, "extra-missing", f"{missing}.") from None
    return otlp


async def receive_traces(console: "Console", request: ConsoleRequest) -> Reply:
    """Receive spans."""
    return await console.telemetry.receive(request, "traces")


async def receive_logs(console: "Console", request: ConsoleRequest) -> Reply:
    """Receive logs."""
    return await console.telemetry.receive(request, "logs")


async def list_traces(console: "Console", request: ConsoleRequest) -> Reply:
    """Traces, with filters: see `queries.traces`."""
    return json_reply(await console.telemetry.read(lambda store: queries.traces(store, request.query)))


async def show_trace(console: "Console", request: ConsoleRequest) -> Reply:
    """One trace with its logs: see `queries.trace`."""
    return json_reply(
        await console.telemetry.read(lambda store: queries.trace(store, request.params["trace_id"]))
    )


async def show_sampling(console: "Console", _request: ConsoleRequest) -> Reply:
    """How many traces the gateway begins a second, and how many it has left out; null for no such limit."""
    tracing = console.gateway.runtime.tracing
    limit = tracing.limit if tracing else None
    return json_reply(limit and {"per_second": limit.per_second, "left_out": limit.left_out})


async def list_logs(console: "Console", request: ConsoleRequest) -> Reply:
    """Logs, with filters: see `queries.logs`."""
    return json_reply(await console.telemetry.read(lambda store: queries.logs(store, request.query)))


ENDPOINTS: Final[Mapping[tuple[str, str], ConsoleEndpoint]] = {
    ("POST", "/console/otlp/v1/traces"): receive_traces,
    ("POST", "/console/otlp/v1/logs"): receive_logs,
    ("GET", "/console/api/traces"): list_traces,
    ("GET", "/console/api/traces/{trace_id}"): show_trace,
    ("GET", "/console/api/sampling"): show_sampling,
    ("GET", "/console/api/logs"): list_logs,
}
"""By method and path."""
