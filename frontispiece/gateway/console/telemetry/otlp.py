"""OTLP in protobuf (https://opentelemetry.io/docs/specs/otlp/), bounded in every direction."""

import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from math import isfinite
from typing import Any, Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from frontispiece.gateway.console.telemetry.records import ERROR, MAX_TIME, Attributes, LogRecord, SpanRecord
from frontispiece.http.problems import Problem

SPANS: Final = "traces"
LOGS: Final = "logs"

MAX_BYTES: Final = 4 << 20
"""Bytes of a request's content, packed and unpacked."""

MAX_RECORDS: Final = 10_000
"""Spans or logs, and groups of them, in a request."""

MAX_ATTRIBUTES: Final = 64
MAX_VALUES: Final = 1_000
"""Values of a record, nested ones among them; further ones are left out."""

MAX_TEXT: Final = 8_000
"""Characters of a log's text and of an attribute; further ones are cut off."""

MAX_NAME: Final = 300
MAX_DEPTH: Final = 3
MAX_AHEAD: Final = 3600 * 10**9
"""Nanoseconds that a span may begin ahead of this clock: the latest are stored the longest."""

TRACE_ID: Final = 16
SPAN_ID: Final = 8

KINDS: Final = ("internal", "internal", "server", "client", "producer", "consumer")
"""By `SpanKind`; what is unspecified is internal."""

STATUS_ERROR: Final = 2


def unpacked(body: bytes, coding: str) -> bytes:
    """The content of a request with this `Content-Encoding`.

    Raises:
        Problem: 400 `otlp-invalid`, 413 `otlp-too-large`, 415 `media-type-unknown`.
    """
    if coding in {"", "identity"}:
        return body
    if coding != "gzip":
        raise Problem(415, "media-type-unknown", "OTLP is read in gzip, or as it is.")
    inflate = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        content = inflate.decompress(body, MAX_BYTES)
    except zlib.error as error:
        raise Problem(400, "otlp-invalid", f"This is no gzip: {error}.") from None
    if inflate.unconsumed_tail:
        raise too_large()
    if not inflate.eof:
        raise Problem(400, "otlp-invalid", "The gzip breaks off.")
    return content


def spans(content: bytes) -> tuple[list[SpanRecord], int]:
    """The spans of an `ExportTraceServiceRequest`, and how many others are invalid.

    Raises:
        Problem: 400 `otlp-invalid`, 413 `otlp-too-large`.
    """
    request = _parsed(ExportTraceServiceRequest(), content)
    found, invalid = [], 0
    for service, _, span in _records(request.resource_spans, "scope_spans", "spans"):
        if len(span.trace_id) != TRACE_ID or len(span.span_id) != SPAN_ID or not _are_times(span):
            invalid += 1
            continue
        found.append(
            SpanRecord(
                trace_id=span.trace_id.hex(),
                span_id=span.span_id.hex(),
                parent_id=span.parent_span_id.hex()[: 2 * SPAN_ID],
                service=service,
                name=span.name[:MAX_NAME],
                kind=KINDS[span.kind] if span.kind < len(KINDS) else KINDS[0],
                began=span.start_time_unix_nano,
                ended=span.end_time_unix_nano,
                status=ERROR if span.status.code == STATUS_ERROR else "",
                attributes=_object(span.attributes, _budget()),
            )
        )
    return found, invalid


def logs(content: bytes) -> tuple[list[LogRecord], int]:
    """The logs of an `ExportLogsServiceRequest`, and how many others are invalid.

    Raises:
        Problem: 400 `otlp-invalid`, 413 `otlp-too-large`.
    """
    request = _parsed(ExportLogsServiceRequest(), content)
    found, invalid = [], 0
    for service, scope, log in _records(request.resource_logs, "scope_logs", "log_records"):
        at = log.time_unix_nano or log.observed_time_unix_nano
        if not 0 < at <= MAX_TIME:
            invalid += 1
            continue
        budget = _budget()
        text = _value(log.body, budget)
        found.append(
            LogRecord(
                time=at,
                service=service,
                level=log.severity_number,
                logger=scope.name[:MAX_NAME],
                text=text if isinstance(text, str) else repr(text)[:MAX_TEXT],
                trace_id=log.trace_id.hex() if len(log.trace_id) == TRACE_ID else "",
                span_id=log.span_id.hex() if len(log.span_id) == SPAN_ID else "",
                attributes=_object(log.attributes, budget),
            )
        )
    return found, invalid


def response(signal: str, rejected: int, reason: str) -> bytes:
    """The content of a response, when so many records are rejected."""
    message: Any = ExportTraceServiceResponse() if signal == SPANS else ExportLogsServiceResponse()
    if rejected:
        message.partial_success.error_message = reason
        if signal == SPANS:
            message.partial_success.rejected_spans = rejected
        else:
            message.partial_success.rejected_log_records = rejected
    return bytes(message.SerializeToString())


def too_large() -> Problem:
    """The refusal of a request that is too large."""
    return Problem(
        413,
        "otlp-too-large",
        f"A request has {MAX_BYTES} bytes, unpacked, and {MAX_RECORDS} records at most.",
    )


def _parsed(message: Any, content: bytes) -> Any:
    try:
        message.ParseFromString(content)
    except DecodeError as error:
        raise Problem(400, "otlp-invalid", f"This is no OTLP in protobuf: {error}.") from None
    return message


def _records(resources: Any, of_scope: str, of_record: str) -> Iterator[tuple[str, Any, Any]]:
    """The service, the scope and the record of each."""
    count = 0
    for resource in resources:
        count += 1
        service = _service(resource)
        for scope in getattr(resource, of_scope):
            records = getattr(scope, of_record)
            count += 1 + len(records)
            if count > MAX_RECORDS:
                raise too_large()
            for record in records:
                yield service, scope.scope, record
        if count > MAX_RECORDS:
            raise too_large()


def _are_times(span: Any) -> bool:
    latest = min(span.end_time_unix_nano, time.time_ns() + MAX_AHEAD)
    return bool(0 < span.start_time_unix_nano <= latest and span.end_time_unix_nano <= MAX_TIME)


def _service(resource: Any) -> str:
    pairs = resource.resource.attributes
    name = next((pair.value.string_value for pair in pairs if pair.key == "service.name"), "")
    return str(name)[:MAX_NAME] or "unknown"


def _budget() -> Iterator[int]:
    """What is left of `MAX_VALUES`: who converts a value takes an item."""
    return iter(range(MAX_VALUES))


def _object(pairs: Iterable[Any], budget: Iterator[int], depth: int = 0) -> Attributes:
    values = zip(islice(pairs, MAX_ATTRIBUTES), budget, strict=False)
    return {pair.key[:MAX_NAME]: _value(pair.value, budget, depth) for pair, _ in values}


def _value(value: Any, budget: Iterator[int], depth: int = 0) -> object:
    """A JSON value; what is nested too deeply, or beyond the budget, is left out."""
    kind = value.WhichOneof("value")
    content = None if kind is None else getattr(value, kind)
    match content:
        case str():
            return content[:MAX_TEXT]
        case bytes():
            return content[: MAX_TEXT // 2].hex()
        case float() if not isfinite(content):  # JSON has neither
            return str(content)
        case bool() | int() | float() | None:
            return content
    return "…" if depth >= MAX_DEPTH else _nested(kind, content, budget, depth + 1)


def _nested(kind: str, content: Any, budget: Iterator[int], depth: int) -> object:
    if kind == "kvlist_value":
        return _object(content.values, budget, depth)
    values = zip(islice(content.values, MAX_ATTRIBUTES), budget, strict=False)
    return [_value(each, budget, depth) for each, _ in values]


READ: Final[Mapping[str, Callable[[bytes], tuple[list[Any], int]]]] = {SPANS: spans, LOGS: logs}
"""By the last segment of the paths of OTLP."""
