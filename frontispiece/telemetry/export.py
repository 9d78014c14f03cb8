"""The export of spans and logs: one queue and one thread of each kind for all apps of a process."""

import asyncio
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from threading import Thread
from traceback import format_tb
from typing import Any, Final, cast

import requests
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    ConsoleSpanExporter,
    SpanExporter,
    SpanExportResult,
)

from frontispiece.errors import ConfigError
from frontispiece.http.loopback import is_loopback
from frontispiece.telemetry import redaction
from frontispiece.telemetry.span import Span, TracedApp, app_and_context

EXPORT_TIMEOUT: Final = 3.0
"""Seconds that the last spans and logs have to be sent when the last app of a process stops."""

DEFAULT_ENDPOINT: Final = "http://localhost:4318"

OTHERS: Final = "process"
"""The service name of what is logged outside of any app, in a process that has several."""

EXPORTERS_OWN: Final = ("opentelemetry", "urllib3", "requests")
"""Loggers of the export: what they log would never end being exported."""

LEVELS: Final[Mapping[int, SeverityNumber]] = {
    logging.CRITICAL: SeverityNumber.FATAL,
    logging.ERROR: SeverityNumber.ERROR,
    logging.WARNING: SeverityNumber.WARN,
    logging.INFO: SeverityNumber.INFO,
}

MakeExporter = Callable[[], SpanExporter]


def _session(signal: str) -> requests.Session | None:
    """A session without proxies and ~/.netrc for an endpoint on this machine; else None, the exporter's."""
    endpoint = os.environ.get(f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")
    if not is_loopback(endpoint or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or DEFAULT_ENDPOINT):
        return None
    session = requests.Session()
    session.trust_env = False
    return session


def _otlp_spans() -> SpanExporter:
    return OTLPSpanExporter(session=_session("TRACES"))


_EXPORTERS: Final[Mapping[str, MakeExporter]] = {"otlp": _otlp_spans, "console": ConsoleSpanExporter}


class _Converting(SpanExporter):
    """Exports spans as OpenTelemetry's, of which it makes them in the thread that sends them."""

    def __init__(self, inner: SpanExporter) -> None:
        self._inner = inner

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export."""
        return self._inner.export([span.readable() for span in cast(Sequence[Span], spans)])

    def shutdown(self) -> None:
        """Stop."""
        self._inner.shutdown()


class Export:
    """Sends the spans and logs of apps, from the first `join` to the last `leave`."""

    def __init__(self, exporters: Sequence[MakeExporter], *, logs: bool = False) -> None:
        self._exporters = exporters
        self._exports_logs = logs
        self._spans: list[BatchSpanProcessor] = []
        self._logs: LogHandler | None = None
        self._apps = 0

    def join(self, resource: Resource) -> None:
        """Send an app's spans and logs from now on."""
        if self._apps == 0:
            self._spans = [BatchSpanProcessor(_Converting(exporter())) for exporter in self._exporters]
            if self._exports_logs:
                self._logs = LogHandler(BatchLogRecordProcessor(OTLPLogExporter(session=_session("LOGS"))))
                logging.getLogger().addHandler(self._logs)
        self._apps += 1
        if self._logs is not None:
            self._logs.add(resource)

    def take(self, span: Span) -> None:
        """Send a span, in a while and in another thread."""
        for processor in self._spans:
            processor.on_end(cast(ReadableSpan, span))

    async def leave(self) -> None:
        """End with the last app, having sent what remains within `EXPORT_TIMEOUT`."""
        self._apps -= 1
        if self._apps:
            return
        processors: list[Any] = self._spans
        self._spans = []
        if self._logs is not None:
            logging.getLogger().removeHandler(self._logs)
            processors.append(self._logs.processor)

        def finish() -> None:
            for processor in processors:
                processor.shutdown()

        sending = Thread(target=finish, name="last spans", daemon=True)
        sending.start()
        await asyncio.to_thread(sending.join, EXPORT_TIMEOUT)


class LogHandler(logging.Handler):
    """Exports what is logged, redacted, with the app and the span that it is logged in."""

    def __init__(self, processor: BatchLogRecordProcessor) -> None:
        super().__init__(logging.INFO)
        self.processor = processor
        self._apps: dict[str, LoggerProvider] = {}
        self._others = self._provider(Resource({"service.name": OTHERS}))

    def add(self, resource: Resource) -> None:
        """Add an app."""
        self._apps.setdefault(_name(resource), self._provider(resource))

    def _provider(self, resource: Resource) -> LoggerProvider:
        provider = LoggerProvider(resource, shutdown_on_exit=False)
        provider.add_log_record_processor(self.processor)
        return provider

    def emit(self, record: logging.LogRecord) -> None:
        """Export a record."""
        if record.name.partition(".")[0] in EXPORTERS_OWN:
            return
        try:
            app, context = app_and_context()
            self._logger(app).get_logger(record.name).emit(
                timestamp=int(record.created * 1e9),
                context=context,
                severity_number=LEVELS.get(record.levelno, SeverityNumber.INFO),
                severity_text=record.levelname,
                body=redaction.text(record.getMessage()),
                attributes=_attributes(record),
            )
        except Exception:  # noqa: BLE001 (a handler of logging never raises)
            self.handleError(record)

    def _logger(self, app: TracedApp | None) -> LoggerProvider:
        if app is not None and (found := self._apps.get(_name(app.resource))) is not None:
            return found
        return next(iter(self._apps.values())) if len(self._apps) == 1 else self._others


def _name(resource: Resource) -> str:
    return str(resource.attributes["service.name"])


def _attributes(record: logging.LogRecord) -> dict[str, str]:
    """Where an exception was raised; its message may be personal."""
    if not record.exc_info or record.exc_info[0] is None:
        return {}
    kind, _, trace = record.exc_info
    return {"exception.type": kind.__name__, "exception.stacktrace": "".join(format_tb(trace))}


def of_environment() -> Export:
    """The export that the environment configures: one for all apps of this process with the same variables.

    Raises:
        ConfigError: the variables ask for an unsupported exporter or protocol.
    """
    configured = tuple(sorted(pair for pair in os.environ.items() if pair[0].startswith("OTEL_")))
    if configured not in _OF_PROCESS:
        logs = os.environ.get("OTEL_LOGS_EXPORTER") == "otlp"
        _OF_PROCESS[configured] = Export(_exporters(), logs=logs)
    return _OF_PROCESS[configured]


_OF_PROCESS: Final[dict[tuple[tuple[str, str], ...], Export]] = {}


def _exporters() -> list[MakeExporter]:
    names = [name.strip() for name in os.environ.get("OTEL_TRACES_EXPORTER", "").split(",") if name.strip()]
    errors = [
        f"OTEL_TRACES_EXPORTER: there is no {name!r}: write otlp, console or none"
        for name in names
        if name not in _EXPORTERS
    ]
    if (logs := os.environ.get("OTEL_LOGS_EXPORTER", "none")) not in {"otlp", "none"}:
        errors.append(f"OTEL_LOGS_EXPORTER: there is no {logs!r}: write otlp or none")
    for signal in ("TRACES", "LOGS"):
        name = f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL"
        protocol = os.environ.get(name) or os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
        if protocol != "http/protobuf":
            errors.append(f"OTEL_EXPORTER_OTLP_PROTOCOL: only http/protobuf is spoken, not {protocol!r}")
            break
    if errors:
        raise ConfigError(errors)
    return [_EXPORTERS[name] for name in names or ["otlp"]]
