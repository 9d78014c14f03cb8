"""What layers cost: `python -m bench.layers`, with `--write` into `results/layers.md`.

Everything is measured in one run: calls go through the chain that `frontispiece.gateway.pipeline` makes
of a route, with nothing behind it. The chain of a route that asks for nothing is what all others are compared
with; beside it the same layers are measured, put together by hand: a layer that is not configured is free.
What else is measured is one more `Case` in `CASES`.
"""

import asyncio
import os
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from time import process_time
from typing import Any, Final

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from bench.auth import nothing
from bench.timing import Times, parsed_write, show
from bench.timing import measured as timed
from frontispiece.gateway.auth import layers as auth
from frontispiece.gateway.call import Call, Handler
from frontispiece.gateway.config.table import Table
from frontispiece.gateway.observability.access_log import AccessLog, AccessLogSettings
from frontispiece.gateway.observability.metrics import Metrics
from frontispiece.gateway.pipeline import layers, wrap
from frontispiece.gateway.policies.websocket.downstream import ClientSocket
from frontispiece.gateway.resources import TableResources
from frontispiece.gateway.runtime import Runtime
from frontispiece.http.messages import IncomingRequest
from frontispiece.security import Signer, new_signing_key
from frontispiece.settings import Directory
from frontispiece.telemetry.export import Export
from frontispiece.telemetry.spans import Tracing
from frontispiece.upstream import Headers, Reply

MAX_RATIO: Final = 1.1
"""The most that a chain may take, of the time of the same layers put together by hand."""

ROUTE: Final[Mapping[str, Any]] = {"path": "/things/{id}", "to": "things", "auth": "none"}
SERVICES: Final = {"things": {"url": "http://127.0.0.1:1"}}
TRACE: Final = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-"


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """A route whose chain is measured.

    Args:
        title: in the table.
        route: what it asks for.
        headers: what its calls come with.
        tracing: whether traces are exported.
        log: whether there is an access log.
    """

    title: str
    route: Mapping[str, Any] = field(default_factory=dict)
    headers: Headers = field(default_factory=list)
    tracing: bool = False
    log: bool = False


BY_HAND: Final = "the same layers, put together by hand"
NOTHING: Final = Case(title="a route that asks for nothing")
CASES: Final = [
    Case(title="limit, by route", route={"rate_limit": {"rate": "999999/second", "by": "route"}}),
    Case(title="limit, by address", route={"rate_limit": {"rate": "999999/second", "by": "address"}}),
    Case(
        title="traces, of a call that is not sampled", tracing=True, headers=[(b"traceparent", TRACE + b"00")]
    ),
    Case(title="traces, of a call that is", tracing=True, headers=[(b"traceparent", TRACE + b"01")]),
    Case(title="access log", log=True),
]


class Discarding(SpanExporter):
    """Takes spans and forgets them: sending is not measured."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Forget them."""
        del spans
        return SpanExportResult.SUCCESS


async def calls_of(case: Case, stack: AsyncExitStack) -> Times:
    """The calls of a case, until the stack is closed."""
    table = Table.model_validate({"services": SERVICES, "routes": [{**ROUTE, **case.route}]})
    log = tracing = None
    if case.tracing:
        tracing = await stack.enter_async_context(Tracing("bench", sending=Export([Discarding])))
    if case.log:
        log = AccessLog(AccessLogSettings(access_log=os.devnull), b"secret")
        await stack.enter_async_context(log)
    runtime = Runtime(Directory(services={}), signer=Signer(new_signing_key(), "gateway"), access_log=log)
    runtime.tracing = tracing
    resources = TableResources(table, runtime)
    chain = [layer for _name, layer in layers(table.routes[0], resources)]
    return _calls(wrap(nothing, chain), case.headers, log)


def by_hand() -> Times:
    """The layers that every route has, and no others."""
    chain = [Metrics().route_layer(ROUTE["path"], defaultdict(int)), auth.no_auth()]
    return _calls(wrap(nothing, chain), [], None)


def _calls(handler: Handler, headers: Headers, log: AccessLog | None) -> Times:
    async def call(_request: IncomingRequest, _socket: ClientSocket | None) -> Reply:
        return await handler(
            Call(
                params={"id": ["7"]},
                method="GET",
                query=b"",
                headers=[(b"accept", b"*/*"), *headers],
                body=b"",
                request_id=b"7",
                scheme="http",
                client_ip="127.0.0.1",
            )
        )

    request = IncomingRequest(
        method="GET",
        target=b"/things/7?q=1",
        headers=[],
        body=b"",
        http_version="1.1",
        client_ip="127.0.0.1",
        scheme="http",
        send_interim=lambda _status, _headers: None,
    )
    respond = call if log is None else log.wrap(call)

    async def times(count: int) -> None:
        for _ in range(count):
            await respond(request, None)

    return times


async def measured() -> dict[str, float]:
    """Microseconds of processor time, by title."""
    async with AsyncExitStack() as stack:
        cases = {BY_HAND: by_hand()}
        for case in (NOTHING, *CASES):
            cases[case.title] = await calls_of(case, stack)
        return await timed(cases, process_time)  # of all threads, and of nothing else on this machine


def table(figures: Mapping[str, float]) -> str:
    """The figures in Markdown."""
    base = figures[NOTHING.title]
    lines = ["| chain | µs | more | of a route that asks for nothing |", "|---|--:|--:|--:|"]
    for title, micros in figures.items():
        lines.append(f"| {title} | {micros:.2f} | {micros - base:+.2f} | {micros / base:.2f} |")
    return "\n".join(lines)


def main() -> int:
    """Measure and print; 1 when what is not asked for costs something."""
    write = parsed_write(__doc__)
    figures = asyncio.run(measured())
    show("layers", "What a layer costs", table(figures), write=write)
    return 0 if figures[NOTHING.title] <= MAX_RATIO * figures[BY_HAND] else 1


if __name__ == "__main__":
    sys.exit(main())
