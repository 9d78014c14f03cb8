"""Spans and logs as the console has them."""

from typing import Final, NamedTuple

Attributes = dict[str, object]
"""JSON values by name."""

SERVER: Final = "server"
ERROR: Final = "error"
MAX_TIME: Final = 2**63 - 1
"""The last nanosecond since 1970 that a store has."""


class SpanRecord(NamedTuple):
    """A span, its members as the columns of its table; times are nanoseconds since 1970, ids hexadecimal."""

    trace_id: str
    span_id: str
    parent_id: str
    service: str
    name: str
    kind: str
    began: int
    ended: int
    status: str
    attributes: Attributes


class LogRecord(NamedTuple):
    """A log record, the same; its level is OpenTelemetry's severity number, from 1 (trace) to 24 (fatal)."""

    time: int
    service: str
    level: int
    logger: str
    text: str
    trace_id: str
    span_id: str
    attributes: Attributes
