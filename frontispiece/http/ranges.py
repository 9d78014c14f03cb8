"""Ranges of bytes (RFC 9110, 14): what a request asks for, and which part a response is."""

import re
from typing import Final, NamedTuple

from frontispiece.http.dates import parse_date
from frontispiece.http.messages import Headers, field
from frontispiece.http.problems import Problem

RANGE: Final = b"range"
IF_RANGE: Final = b"if-range"
CONTENT_RANGE: Final = b"content-range"

_UNIT: Final = b"bytes="
_SPECIFIER = re.compile(rb"bytes=[ \t]*(\d*)-(\d*)[ \t]*", re.IGNORECASE)
_CONTENT_RANGE = re.compile(rb"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})", re.IGNORECASE)

_MAX_DIGITS: Final = 19
"""Digits of a position; one with more is beyond any end just as well."""


class ByteRange(NamedTuple):
    """One range of a request.

    Args:
        first: position of the first byte; None for the last `last` bytes.
        last: position of the last byte; None for all from `first` on.
    """

    first: int | None
    last: int | None

    def bounds(self, length: int) -> tuple[int, int] | None:
        """Start and end (exclusive) in a representation of this length; None when nothing of it is there."""
        if self.first is None:
            start, end = max(0, length - (self.last or 0)), length
        else:
            start, end = self.first, length if self.last is None else min(self.last + 1, length)
        return (start, end) if start < end else None

    def within(self, length: int) -> "ContentRange":
        """The part that this is of a representation of this length.

        Raises:
            Problem: 416, nothing of it is there.
        """
        if (bounds := self.bounds(length)) is None:
            detail = f"There are {length} bytes, and none of the range."
            headers = {"Content-Range": f"bytes */{length}"}
            raise Problem(416, "range-not-satisfiable", detail, headers=headers)
        return ContentRange(*bounds, length)


class ContentRange(NamedTuple):
    """Which part of a representation a response is.

    Args:
        start: position of its first byte.
        end: position after its last byte.
        complete_length: of the representation.
    """

    start: int
    end: int
    complete_length: int

    @property
    def field(self) -> tuple[bytes, bytes]:
        """The header field that says so."""
        return CONTENT_RANGE, b"bytes %d-%d/%d" % (self.start, self.end - 1, self.complete_length)


def is_of_bytes(value: bytes) -> bool:
    """Whether a `Range` is of bytes, the only unit that is understood here."""
    return value[: len(_UNIT)].lower() == _UNIT


def requested_range(headers: Headers) -> ByteRange | None:
    """The range that a request asks for; None for several, and for what is none: they may be ignored."""
    values = [value for name, value in headers if name == RANGE]
    match = _SPECIFIER.fullmatch(values[0].strip()) if len(values) == 1 else None
    if match is None:
        return None
    first, last = (_position(digits) for digits in match.groups())
    if (first is None and last is None) or (first is not None and last is not None and last < first):
        return None
    return ByteRange(first, last)


def content_range(headers: Headers) -> ContentRange | None:
    """The part that a response is; None when it does not say so, or not of how many bytes."""
    values = [value for name, value in headers if name == CONTENT_RANGE]
    match = _CONTENT_RANGE.fullmatch(values[0].strip()) if len(values) == 1 else None
    if match is None:
        return None
    first, last, complete_length = map(int, match.groups())
    return ContentRange(first, last + 1, complete_length) if first <= last < complete_length else None


def meets_if_range(request_headers: Headers, response_headers: Headers) -> bool:
    """Whether a response is the one that `If-Range` names by a strong validator (13.1.5), if there is one."""
    values = [value for name, value in request_headers if name == IF_RANGE]
    if len(values) != 1:
        return not values
    condition = values[0].strip()
    if condition.startswith(b'"'):
        return condition == field(response_headers, b"etag")
    modified = parse_date(field(response_headers, b"last-modified"))
    date = parse_date(field(response_headers, b"date"))
    is_strong = modified is not None and date is not None and date > modified  # 8.8.2.2
    return is_strong and parse_date(condition) == modified


def _position(digits: bytes) -> int | None:
    return int(digits.lstrip(b"0")[:_MAX_DIGITS] or b"0") if digits else None
