"""Names by which one request is found again everywhere: a request id, and the W3C trace context."""

import re
from random import getrandbits

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_TRACEPARENT = re.compile(rb"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})")


def request_id(given: bytes | None) -> bytes:
    """The client's own id where it is fit to be logged, else a new one."""
    if given is not None and _REQUEST_ID.fullmatch(given):
        return given
    return b"%032x" % getrandbits(128)


def traceparent(given: bytes | None) -> bytes:
    """The `traceparent` of the next hop: the given trace carried on, or a new, unsampled one.

    Format: https://www.w3.org/TR/trace-context/#traceparent-header
    """
    known = _TRACEPARENT.fullmatch(given) if given is not None else None
    trace, flags = known.groups() if known else (b"%032x" % getrandbits(128), b"00")
    return b"00-%b-%016x-%b" % (trace, getrandbits(64), flags)
