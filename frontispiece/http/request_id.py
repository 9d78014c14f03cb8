"""Correlation of requests across hops: the request id, and the W3C trace context."""

import re
from random import getrandbits

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_TRACEPARENT = re.compile(rb"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})")


def request_id(value: bytes | None) -> bytes:
    """The client's own id if it is valid, else a new one."""
    if value is not None and _REQUEST_ID.fullmatch(value):
        return value
    return b"%032x" % getrandbits(128)


def traceparent(value: bytes | None) -> bytes:
    """The `traceparent` of the next hop: in the same trace, or in a new, unsampled one.

    Format: https://www.w3.org/TR/trace-context/#traceparent-header
    """
    known = _TRACEPARENT.fullmatch(value) if value is not None else None
    trace, flags = known.groups() if known else (b"%032x" % getrandbits(128), b"00")
    return b"00-%b-%016x-%b" % (trace, getrandbits(64), flags)
