"""Correlation of requests across hops: the request id, and the W3C trace context."""

import re
from random import getrandbits
from typing import TypeGuard

REQUEST_ID = b"x-request-id"
TRACEPARENT = b"traceparent"
TRACESTATE = b"tracestate"
CORRELATION = frozenset({REQUEST_ID, TRACEPARENT})

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_TRACEPARENT = re.compile(rb"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})")

UNSAMPLED = b"-00"
"""The end of a `traceparent` without any flag."""


def request_id(value: bytes | None) -> bytes:
    """The client's own id if it is valid, else a new one."""
    if value is not None and _REQUEST_ID.fullmatch(value):
        return value
    return b"%032x" % getrandbits(128)


def is_traceparent(value: bytes | None) -> TypeGuard[bytes]:
    """Whether it is a valid `traceparent`: https://www.w3.org/TR/trace-context/#traceparent-header."""
    return value is not None and _TRACEPARENT.fullmatch(value) is not None


def new_traceparent() -> bytes:
    """The `traceparent` of a new trace, which is not sampled."""
    return b"00-%032x-%016x-00" % (getrandbits(128) or 1, getrandbits(64) or 1)


def trace_of(value: bytes | None) -> tuple[str, str, str] | None:
    """The trace's id in a `traceparent`, the span's and the flags, in hex; None without a valid one."""
    known = _TRACEPARENT.fullmatch(value) if value is not None else None
    return None if known is None else (known[1].decode(), known[2].decode(), known[3].decode())
