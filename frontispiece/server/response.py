"""The header section of a response, as bytes; framing and `Connection` are the server's, not the app's."""

import re
import time
from email.utils import formatdate
from http import HTTPStatus
from typing import Final

from frontispiece.http.messages import Headers

WITHOUT_CONTENT: Final = frozenset({204, 304})
"""Final statuses whose responses have no content, whatever the method (RFC 9110, 6.4.1)."""

_TOKEN: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROLS: Final = bytes([*range(9), *range(10, 32), 127])
"""Bytes that no field value has (RFC 9110, 5.5)."""

_FRAMING: Final = frozenset({b"keep-alive", b"transfer-encoding"})
_SPECIAL: Final = _FRAMING | {b"connection", b"content-length", b"date"}
_MAX_NAMES: Final = 1000
_starts: Final[dict[bytes, bytes]] = {}
"""How the lines of fields begin whose names have been checked, without the special ones."""


class InvalidResponseHead(Exception):
    """The app's header section cannot be sent."""


_PHRASES: Final = {status.value: status.phrase for status in HTTPStatus}
STATUS_LINES: Final = {
    status: f"HTTP/1.1 {status} {_PHRASES.get(status, '')}".encode() for status in range(100, 1000)
}


class ResponseHead:
    """A header section without its framing.

    Args:
        status: the HTTP status code.
        headers: of the app.

    Raises:
        InvalidResponseHead: it would not be one header section for every reader.
    """

    __slots__ = ("closes", "content_length", "is_dated", "section", "status")

    def __init__(self, status: int, headers: Headers) -> None:
        try:
            lines = [STATUS_LINES[status]]
        except KeyError:
            raise InvalidResponseHead(f"{status} is no status") from None
        self.status = status
        self.content_length: int | None = None
        """What the app says."""
        self.closes = False
        """Whether the app wants the connection to be closed."""
        self.is_dated = False
        for name, value in headers:
            start = _starts.get(name)
            if start is None:
                start, value = self._noted(name.lower(), value)  # noqa: PLW2901 (without what is the server's)
                if not start:
                    continue
            lines += start, value
        lines.append(b"\r\n")
        self.section = section = b"".join(lines)
        """The status line and the fields, each with its CR LF."""
        if len(section) - len(section.translate(None, _CONTROLS)) != len(lines):  # each line's two
            raise InvalidResponseHead("a header field has a control character in its value")

    def _noted(self, name: bytes, value: bytes) -> tuple[bytes, bytes]:
        """Take note of a field; how its line begins and its value, or nothing where it is the server's."""
        if name == b"content-length":
            length = int(value) if value.isdigit() else None
            if length is None or self.content_length not in {None, length}:
                raise InvalidResponseHead(f"Content-Length is {value!r}")
            self.content_length = length
            value = b""
        elif name == b"date":
            self.is_dated = True
        elif name == b"connection":
            options = [option.strip().lower() for option in value.split(b",")]
            self.closes = self.closes or b"close" in options
            value = b", ".join(option for option in options if option not in {b"close", b"keep-alive"})
        elif name in _FRAMING:
            value = b""
        return (_start_of(name), value) if value or name not in _SPECIAL else (b"", b"")


def _start_of(name: bytes) -> bytes:
    """How the line of a field begins."""
    start = _starts.get(name)
    if start is None:
        if _TOKEN.fullmatch(name) is None:
            raise InvalidResponseHead(f"a header field has the name {name!r}")
        start = b"\r\n%b: " % name
        if name not in _SPECIAL and len(_starts) < _MAX_NAMES:
            _starts[name] = start
    return start


class _Date:
    """The field `Date`, built once a second."""

    __slots__ = ("_line", "_second")

    def __init__(self) -> None:
        self._second = 0
        self._line = b""

    def __call__(self) -> bytes:
        second = int(time.time())
        if second != self._second:
            self._second = second
            self._line = b"date: %b\r\n" % formatdate(second, usegmt=True).encode()
        return self._line


date_line: Final = _Date()
