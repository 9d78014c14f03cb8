"""Encodes requests."""

from operator import itemgetter

from frontispiece.http.headers import CR, LF, NUL, lines_of
from frontispiece.http.messages import Headers, Request

CONNECTION_FIELDS = frozenset({b"host", b"connection", b"transfer-encoding", b"upgrade"})
"""Fields that only the transport sets."""

FRAMING = CONNECTION_FIELDS | {b"content-length"}

METHODS_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
"""Methods with which an empty body has a `Content-Length: 0` (RFC 9110, 8.6)."""

LAST_CHUNK = b"0\r\n\r\n"


def encode_chunk(content: bytes) -> bytes:
    """A chunk of a chunked body (RFC 9112, 7.1); an empty one would end the body."""
    return b"%x\r\n%b\r\n" % (len(content), content)


def encode_request_head(host: bytes, request: Request) -> bytes:
    """The head of a request, with its body if that is complete.

    `host` is the line of the field `Host`, with its CR LF.

    Raises:
        ValueError: the bytes would not be this one request: a mistake of the caller.
    """
    body = request.body
    lines = request.lines
    if lines is None:
        lines = lines_of(_framed(request))
    first = f"{request.method} {request.target}".encode("latin-1")
    if first.count(b" ") != 1 or NUL in first or CR in first or LF in first:
        raise ValueError("A request line has a line break, a NUL or a space where none can be.")
    return b"".join((first, b" HTTP/1.1\r\n", host, lines, b"\r\n", body if isinstance(body, bytes) else b""))


def _framed(request: Request) -> Headers:
    """The header fields with those that frame the body."""
    body, fields = request.body, request.headers
    length = declared_length(fields)
    if not isinstance(body, bytes):
        return fields if length is not None else [*fields, (b"transfer-encoding", b"chunked")]
    if length is None:
        has_length = body or request.method in METHODS_WITH_BODY
        return [*fields, (b"content-length", b"%d" % len(body))] if has_length else fields
    if length != len(body):
        raise ValueError(f"A body of {len(body)} bytes has the Content-Length {length}.")
    return fields


def declared_length(fields: Headers) -> int | None:
    """The `Content-Length` that the caller sets, if any.

    Raises:
        ValueError: it is no length, or there is a field that only the transport sets.
    """
    if FRAMING.isdisjoint(map(itemgetter(0), fields)):
        return None
    if not CONNECTION_FIELDS.isdisjoint(dict(fields)):
        raise ValueError(
            f"Only the transport sets {', '.join(sorted(map(bytes.decode, CONNECTION_FIELDS)))}."
        )
    lengths = [value for name, value in fields if name == b"content-length"]
    if len(lengths) > 1 or not lengths[0].isdigit():
        raise ValueError("A body has one length, in digits.")
    return int(lengths[0])
