"""Checks of a request's header section that the parser (llhttp, strict) leaves to the server."""

import re
from contextlib import suppress
from typing import Final

import httptools

from frontispiece.http.memo import Memo
from frontispiece.http.messages import Headers
from frontispiece.http.problems import Problem

COMMON_NAMES: Final = {
    spelling: name
    for name in (
        *(b"accept", b"accept-charset", b"accept-encoding", b"accept-language", b"authorization"),
        *(b"cache-control", b"connection", b"content-length", b"content-type", b"cookie", b"dnt", b"expect"),
        *(b"forwarded", b"host", b"idempotency-key", b"if-match", b"if-modified-since", b"if-none-match"),
        *(b"origin", b"pragma", b"priority", b"range", b"referer", b"sec-ch-ua", b"sec-ch-ua-mobile"),
        *(b"sec-ch-ua-platform", b"sec-fetch-dest", b"sec-fetch-mode", b"sec-fetch-site", b"sec-fetch-user"),
        *(b"te", b"traceparent", b"tracestate", b"upgrade-insecure-requests"),
        *(b"user-agent", b"via", b"x-csrf", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto"),
        *(b"x-internal-token", b"x-request-id", b"x-timeout-ms"),
    )
    for spelling in (name, name.title())
}
"""Spellings of field names, each with its name in lower case: one object for all requests.

`Transfer-Encoding` is not among them: the reader takes note of names that are not common."""


_ABSOLUTE_FORM: Final = re.compile(rb"https?://([^/?@:][^/?@]*)(/[^?]*)?(\?.*)?", re.IGNORECASE)
"""Host with port, path and query; without a user (RFC 9110, 4.2.4). Apps check the host as that of `Host`."""

_STAND_IN: Final = b"POST "
"""A method that llhttp knows, as the beginning of a request."""

_NOT_OF_HTTP: Final = "Invalid method for HTTP"
"""What llhttp says of methods that it knows from RTSP."""

_METHOD: Final = re.compile(rb"[\r\n]*([!#$%&'*+.^_`|~0-9A-Za-z-]{1,64})(?: (.*))?", re.DOTALL)
"""A method, and what follows it once all of it has arrived."""

_ORIGIN: Final = re.compile(rb"\norigin:[ \t]*+([^\r\n \t]*+)[ \t]*+\r", re.IGNORECASE)


PLAIN_LINE: Final = re.compile(rb"(GET|HEAD) (/[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*) HTTP/1\.1\r\n")
"""The first line of a request without a body, whose target nobody could read in two ways."""


def _read_line(line: bytes) -> tuple[str, bytes] | None:
    plain = PLAIN_LINE.fullmatch(line)
    return None if plain is None else (plain[1].decode(), plain[2])


PLAIN_LINES: Final = Memo[bytes, tuple[str, bytes] | None](_read_line)
"""Method and target of such a line; None for another."""


def bad_request(detail: str) -> Problem:
    """A 400 problem."""
    return Problem(400, "bad-request", detail)


def headers_too_large(limit: int) -> Problem:
    """A 431 problem."""
    return Problem(431, "head-too-large", f"A request's header section has at most {limit} bytes.")


class _OtherMethodParser(httptools.HttpRequestParser):
    """Reads a request that begins with `_STAND_IN` as one with this method, and what follows as it is."""

    def __init__(self, callbacks: object, method: bytes) -> None:
        super().__init__(callbacks)
        self._method = method

    def get_method(self) -> bytes:
        """The method of the request."""
        method, self._method = self._method, b""
        return method or super().get_method()


def new_parser(callbacks: object, method: bytes = b"") -> httptools.HttpRequestParser:
    """A parser of requests, the first of which may have a method that llhttp does not know."""
    parser = _OtherMethodParser(callbacks, method) if method else httptools.HttpRequestParser(callbacks)
    # the reader says what comes after the last request; the parser takes a trailer for `Connection`
    parser.set_dangerous_leniencies(lenient_data_after_close=True)
    return parser


def other_method(
    callbacks: object, fault: httptools.HttpParserError, read: bytes
) -> tuple[httptools.HttpRequestParser, bytes] | None:
    """A parser for a request whose method llhttp does not know, and what it reads; None until that is whole.

    It reads another method in its place: all but CONNECT are framed alike.

    Args:
        callbacks: of the parser.
        fault: that llhttp has found.
        read: of the request; empty if it is not known where that begins.

    Raises:
        Problem: the fault is another one.
    """
    is_unknown = isinstance(fault, httptools.HttpParserInvalidMethodError) or _NOT_OF_HTTP in str(fault)
    match = _METHOD.fullmatch(read) if is_unknown else None
    if match is None:
        raise problem_of(fault)
    method, rest = match.groups()
    return None if rest is None else (new_parser(callbacks, method), _STAND_IN + rest)


def problem_of(fault: httptools.HttpParserError) -> Problem:
    """The problem of what the parser refuses, or of what one of its callbacks does."""
    if isinstance(fault, httptools.HttpParserInvalidMethodError):
        return Problem(501, "method-unknown", "The method is unknown.")
    if isinstance(fault.__context__, Problem):
        return fault.__context__
    return bad_request("This is not a valid HTTP/1.1 request.")


def refused_head(url: bytes, fields: Headers, read: bytes) -> tuple[bytes, Headers]:
    """Target and headers of a request that is refused, as far as they are known: pages may see why.

    Args:
        url: as it came.
        fields: that the parser has reported, which it does when the next one begins.
        read: of the header section, and what came behind it: for an `Origin` that is not reported yet.
    """
    section = read.lstrip(b"\r\n").partition(b"\r\n\r\n")[0] + b"\r\n"
    reported = sum(name == b"origin" for name, _ in fields)
    headers = fields + [(b"origin", value) for value in _ORIGIN.findall(section)[reported:]]
    with suppress(Problem):
        url = origin_form(url, headers)
    return url, headers


def check_version_and_coding(version: str, headers: Headers) -> None:
    """Refuse versions and transfer codings that the server does not speak.

    Raises:
        Problem: 400, 501 or 505.
    """
    if version not in {"1.1", "1.0"}:
        raise Problem(505, "http-version-unknown", "The server speaks HTTP/1.1.")
    codings = [value for name, value in headers if name == b"transfer-encoding"]
    if codings and version == "1.0":
        raise bad_request("HTTP/1.0 has no Transfer-Encoding.")
    if codings and (len(codings) > 1 or codings[0].lower() != b"chunked"):
        raise Problem(501, "transfer-coding-unknown", "The only transfer coding is chunked.")


def origin_form(url: bytes, headers: Headers) -> bytes:
    """A target as path and query; the authority of the absolute form replaces Host (RFC 9112, 3.2.2).

    Raises:
        Problem: 400: it is neither a path nor an address.
    """
    if b"#" in url:  # some cut it off, others pass it on
        raise bad_request("The request target has a fragment.")
    if url.startswith(b"/"):
        return url
    target = _ABSOLUTE_FORM.fullmatch(url)
    if target is None:
        raise bad_request("The request target is neither a path nor an address.")
    authority, path, query = target.groups(default=b"")
    headers[:] = [(b"host", authority), *(field for field in headers if field[0] != b"host")]
    return (path or b"/") + query


def upgrade_of(headers: Headers) -> bytes | None:
    """The protocol that the request asks the connection to be upgraded to, in lower case."""
    options: list[bytes] = []
    upgrade = None
    for name, value in headers:
        if name == b"connection":
            options += (option.strip().lower() for option in value.split(b","))
        elif name == b"upgrade":
            upgrade = value.lower()
    return upgrade if b"upgrade" in options else None


def check_no_body(headers: Headers) -> None:
    """Refuse an upgrade with a body: the parser stops before it, where the other protocol could begin.

    Raises:
        Problem: 400.
    """
    if any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
        for name, value in headers
    ):
        raise bad_request("A request for an upgrade has no body.")


def header_size(url: bytes, headers: Headers) -> int:
    """Bytes of a header section, with its separators."""
    return len(url) + sum(len(name) + len(value) + 4 for name, value in headers)
