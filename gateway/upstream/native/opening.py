"""The bytes of a request."""

from gateway.upstream.message import Headers, Request

NOT_THE_CALLERS = frozenset({b"host", b"connection", b"transfer-encoding", b"upgrade"})
"""Fields of the connection, which the transport alone writes."""

FRAMING = NOT_THE_CALLERS | {b"content-length"}

TELLS_EMPTINESS = frozenset({"POST", "PUT", "PATCH"})
"""Methods of which a service expects a body, so that it is told when there is none (RFC 9110, 8.6)."""


SPACES = 2
"""Around the target, in the first line."""


def opening(host: bytes, request: Request) -> bytes:
    """The head of a request, and its body where that is there whole.

    Raises:
        ValueError: written out it would not be this one request: a mistake of the caller's.
    """
    body = request.body
    fields = request.headers
    length = declared_length(fields)
    if not isinstance(body, bytes):
        if length is None:
            fields = [*fields, (b"transfer-encoding", b"chunked")]
    elif length is None:
        if body or request.method in TELLS_EMPTINESS:
            fields = [*fields, (b"content-length", b"%d" % len(body))]
    elif length != len(body):
        raise ValueError(f"A body of {len(body)} bytes is said to have {length}.")
    first = f"{request.method} {request.target} HTTP/1.1".encode("latin-1")
    lines = [first, b"host: " + host, *map(b": ".join, fields), b"", b""]
    head = b"\r\n".join(lines)
    ends = len(lines) - 1
    if head.count(b"\n") != ends or head.count(b"\r") != ends or b"\0" in head or first.count(b" ") != SPACES:
        raise ValueError("A request has a line break, a NUL or a space where none can be.")
    return head + body if isinstance(body, bytes) else head


def declared_length(fields: Headers) -> int | None:
    """The length in bytes that the caller declares for the body.

    Raises:
        ValueError: it is no length, or a field is given that is the transport's own.
    """
    given = dict(fields)
    if FRAMING.isdisjoint(given):
        return None
    if not NOT_THE_CALLERS.isdisjoint(given):
        raise ValueError(f"Only the transport sets {', '.join(sorted(map(bytes.decode, NOT_THE_CALLERS)))}.")
    lengths = [value for name, value in fields if name == b"content-length"]
    if len(lengths) > 1 or not lengths[0].isdigit():
        raise ValueError("A body has one length, in digits.")
    return int(lengths[0])
