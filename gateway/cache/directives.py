"""The header fields about caching, read as RFC 9111 has them: in doubt an answer is older, and not kept."""

import re
from calendar import timegm
from collections.abc import Iterable
from email.utils import formatdate
from functools import lru_cache
from typing import Final

from gateway.upstream import Headers

MOST_SECONDS: Final = 2**31
"""What greater numbers of seconds are taken for (RFC 9111, 1.2.2)."""

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 (a token of HTTP)
_DIRECTIVE = re.compile(rf'({_TOKEN})(?:=("(?:[^"\\]|\\.)*"|[^\s,;"]*))?[^,]*')
_MONTHS: Final = {
    name: number
    for number, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)  # noqa: SIM905 (reads best)
}
_MONTH = f"({'|'.join(_MONTHS)})"
_TIME = r"(\d\d):(\d\d):(\d\d)"
_FIXED = re.compile(rf"[A-Z][a-z]{{2}}, (\d\d) {_MONTH} (\d{{4}}) {_TIME} GMT", re.ASCII)
_RFC850 = re.compile(rf"[A-Z][a-z]{{5,8}}, (\d\d)-{_MONTH}-(\d\d) {_TIME} GMT", re.ASCII)
_ASCTIME = re.compile(rf"[A-Z][a-z]{{2}} {_MONTH} ([ \d]\d) {_TIME} (\d{{4}})", re.ASCII)

SHORT: Final = 256
"""Bytes of a field that is remembered when it has been read."""


class Directives:
    """The directives of a `Cache-Control`, by their names in lower case."""

    __slots__ = ("_values",)

    def __init__(self, text: str) -> None:
        self._values: dict[str, list[str | None]] = {}
        for name, value in _DIRECTIVE.findall(text):
            self._values.setdefault(name.lower(), []).append(value or None)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def __bool__(self) -> bool:
        return bool(self._values)

    def seconds(self, name: str, nonsense: int = 0) -> int | None:
        """The number of this directive, the least when there are several; None without it.

        Args:
            name: of the directive.
            nonsense: what is taken for a value that is no number.
        """
        values = self._values.get(name)
        return None if values is None else min(_number(value, nonsense) for value in values)

    def without_value(self, name: str) -> bool:
        """Whether it is there and names no fields: it is about the whole."""
        return any(value is None or not _fields(value) for value in self._values.get(name, ()))

    def fields(self, name: str) -> frozenset[bytes]:
        """The header fields that this directive names, in lower case."""
        return frozenset().union(*(_fields(value) for value in self._values.get(name, ()) if value))


def _number(value: str | None, nonsense: int) -> int:
    digits = (value or "").strip('"')
    if not (digits.isascii() and digits.isdigit()):
        return nonsense
    return min(int(digits[:20]), MOST_SECONDS)


def _fields(value: str) -> frozenset[bytes]:
    names = value.strip('"').split(",")
    return frozenset(name.strip().lower().encode("latin-1") for name in names if name.strip())


def control_of(headers: Headers) -> Directives:
    """What the `Cache-Control` of a message says."""
    text = joined(headers, b"cache-control")
    return _remembered(text) if len(text) <= SHORT else Directives(text.decode("latin-1"))


@lru_cache(maxsize=512)
def _remembered(text: bytes) -> Directives:
    return Directives(text.decode("latin-1"))


def joined(headers: Headers, name: bytes) -> bytes:
    """All fields of this name as one list."""
    return b",".join([value for known, value in headers if known == name])


def members(headers: Headers, name: bytes) -> list[bytes]:
    """The members of a list of plain words, in order."""
    return [word for word in (each.strip() for each in joined(headers, name).split(b",")) if word]


def without(headers: Headers, names: Iterable[bytes]) -> Headers:
    """The fields of other names."""
    apart = frozenset(names)
    return [field for field in headers if field[0] not in apart]


@lru_cache(maxsize=512)
def moment(value: bytes | None) -> int | None:
    """The time of an HTTP date in seconds, in any of its three forms; None when it is none."""
    if value is None or len(value) > SHORT:
        return None
    text = value.decode("latin-1").strip()
    if match := _FIXED.fullmatch(text):
        day, month, year, *clock = match.groups()
    elif match := _RFC850.fullmatch(text):
        day, month, short, *clock = match.groups()
        year = f"20{short}" if int(short) < 70 else f"19{short}"  # noqa: PLR2004 (RFC 9110, 5.6.7: not far ahead)
    elif match := _ASCTIME.fullmatch(text):
        month, day, *clock, year = match.groups()
    else:
        return None
    hour, minute, second = map(int, clock)
    if not (1 <= int(day) <= 31 and hour < 24 and minute < 60 and second <= 60):  # noqa: PLR2004 (a day's)
        return None
    return timegm((int(year), _MONTHS[month], int(day), hour, minute, second))


def http_date(seconds: float) -> bytes:
    """A time as header fields have it."""
    return _written(int(seconds))


@lru_cache(maxsize=64)
def _written(seconds: int) -> bytes:
    return formatdate(seconds, usegmt=True).encode()
