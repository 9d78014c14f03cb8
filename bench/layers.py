"""What layers cost: `python -m bench.layers`, with `--write` into `results/layers.md`.

Everything is measured in one run: calls go through the chain that `frontispiece.gateway.pipeline` makes
of a route, with nothing behind it. The chain of a route that asks for nothing is what all others are compared
with; beside it the same layers are measured, put together by hand: a layer that is not configured is free.
What else is measured is one more `Case` in `CASES`.
"""

import asyncio
import os
import platform
import sys
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any, Final

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from bench.issuer import signing_key
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
from frontispiece.security import Signer
from frontispiece.settings import Directory
from frontispiece.telemetry.export import Export
from frontispiece.telemetry.spans import Tracing
from frontispiece.upstream import Headers, Reply

RESULTS: Final = Path(__file__).parent / "results" / "layers.md"
ROUNDS: Final = 21
LASTS: Final = 0.02
"""Seconds of a round, about."""

AS_GOOD_AS_NOTHING: Final = 1.1
"""The most that a chain may take, of the time of the same layers put together by hand."""

ROUTE: Final[Mapping[str, Any]] = {"path": "/things/{id}", "to": "things", "auth": "none"}
SERVICES: Final = {"things": {"url": "http://127.0.0.1:1"}}
TRACE: Final = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-"

Exchange = Callable[[], Awaitable[None]]
"""One call through a chain."""


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


async def _nothing(_call: Call) -> Reply:
    return Reply.whole(200, b"", [])


async def exchange_of(case: Case, stack: AsyncExitStack) -> Exchange:
    """What one call of a case is, until the stack is closed."""
    table = Table.model_validate({"services": SERVICES, "routes": [{**ROUTE, **case.route}]})
    log = tracing = None
    if case.tracing:
        tracing = await stack.enter_async_context(Tracing("bench", sending=Export([Discarding])))
    if case.log:
        log = AccessLog(AccessLogSettings(access_log=os.devnull), b"secret")
        await stack.enter_async_context(log)
    runtime = Runtime(Directory(services={}), signer=Signer(signing_key(), "gateway"), access_log=log)
    runtime.tracing = tracing
    resources = TableResources(table, runtime)
    return _exchange(
        wrap(_nothing, [layer for _name, layer in layers(table.routes[0], resources)]), case.headers, log
    )


def by_hand() -> Exchange:
    """The layers that every route has, and no others."""
    around = [
        Metrics().route_layer(ROUTE["path"], defaultdict(int)),
        auth.no_auth(),
    ]
    return _exchange(wrap(_nothing, around), [], None)


def _exchange(handler: Handler, headers: Headers, log: AccessLog | None) -> Exchange:
    async def exchange() -> None:
        call = Call(
            params={"id": ["7"]},
            method="GET",
            query=b"",
            headers=[(b"accept", b"*/*"), *headers],
            body=b"",
            request_id=b"7",
            scheme="http",
            client_ip="127.0.0.1",
        )
        await handler(call)

    if log is None:
        return exchange
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

    async def respond(_request: IncomingRequest, _socket: ClientSocket | None) -> Reply:
        await exchange()
        return Reply(status=200, headers=[], body=b"")

    logged = log.wrap(respond)

    async def with_log() -> None:
        await logged(request, None)

    return with_log


async def measured() -> dict[str, float]:
    """Microseconds by title, the median of rounds in turn, so that a busy moment is nobody's own."""
    async with AsyncExitStack() as stack:
        exchanges = {BY_HAND: by_hand()}
        for case in (NOTHING, *CASES):
            exchanges[case.title] = await exchange_of(case, stack)
        counts = {title: await _count(exchange) for title, exchange in exchanges.items()}
        rounds: dict[str, list[float]] = {title: [] for title in exchanges}
        for _ in range(ROUNDS):
            for title, exchange in exchanges.items():
                rounds[title].append(await _seconds(exchange, counts[title]) / counts[title] * 1e6)
    return {title: median(spent) for title, spent in rounds.items()}


async def _count(exchange: Exchange) -> int:
    """How often it can be done in a round."""
    count = 1
    while (spent := await _seconds(exchange, count)) < LASTS / 4:
        count *= 2
    return max(1, round(count * LASTS / spent))


async def _seconds(exchange: Exchange, count: int) -> float:
    start = process_time()  # of all threads, and of nobody else's work on this machine
    for _ in range(count):
        await exchange()
    return process_time() - start


def table(figures: Mapping[str, float]) -> str:
    """The figures in Markdown."""
    base = figures[NOTHING.title]
    lines = ["| chain | µs | more | of a route that asks for nothing |", "|---|--:|--:|--:|"]
    for title, micros in figures.items():
        lines.append(f"| {title} | {micros:.2f} | {micros - base:+.2f} | {micros / base:.2f} |")
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Measure, print and, when asked to, write; 1 when what is not asked for costs something."""
    figures = asyncio.run(measured())
    shown = table(figures)
    print(shown)  # noqa: T201 (a program for the terminal)
    if "--write" in arguments:
        about = f"CPython {platform.python_version()}, {ROUNDS} rounds; `python -m bench.layers --write`."
        RESULTS.write_text(f"# What a layer costs\n\n{about}\n\n{shown}\n", encoding="utf-8")
    return 0 if figures[NOTHING.title] <= AS_GOOD_AS_NOTHING * figures[BY_HAND] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
