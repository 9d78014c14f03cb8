"""Header fields about caching, as RFC 9111 has them: in doubt a response is older, and not stored."""

import re
from collections.abc import Mapping, Sequence
from typing import Final, Self

from frontispiece.http.dates import parse_date
from frontispiece.http.headers import joined, members
from frontispiece.http.memo import Memo
from frontispiece.http.messages import Headers, field
from frontispiece.http.structured_fields import TRUE, InvalidStructuredField, parse_dictionary

MAX_SECONDS: Final = 2**31
"""The value of greater numbers of seconds (RFC 9111, 1.2.2)."""

MAX_HEURISTIC: Final = 86_400.0
"""Seconds that a response is fresh at most because it has not been modified for long."""

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 (a token of RFC 9110)
_DIRECTIVE = re.compile(rf'({_TOKEN})(?:=("(?:[^"\\]|\\.)*"|[^\s,;"]*))?[^,]*')

_IN_SECONDS: Final = frozenset({"max-age", "s-maxage", "stale-while-revalidate", "stale-if-error"})
_WITH_FIELDS: Final = frozenset({"no-cache", "private"})


class Directives:
    """The directives of a `Cache-Control` or of a targeted field.

    Args:
        values: by the names of the directives in lower case; None where a directive has no value.
        is_targeted: whether they hold instead of `Cache-Control` and `Expires` (RFC 9213, 2.2).
    """

    __slots__ = ("_values", "is_targeted")

    def __init__(self, values: Mapping[str, list[str | None]], *, is_targeted: bool = False) -> None:
        self._values = values
        self.is_targeted = is_targeted

    @classmethod
    def parse(cls, text: str) -> Self:
        """Those of a `Cache-Control`, as far as they can be read."""
        values: dict[str, list[str | None]] = {}
        for name, value in _DIRECTIVE.findall(text):
            values.setdefault(name.lower(), []).append(value or None)
        return cls(values)

    @classmethod
    def parse_targeted(cls, value: bytes) -> Self:
        """Those of a targeted field: none when there is any error in it."""
        try:
            members = parse_dictionary(value)
        except InvalidStructuredField:
            return cls({})
        found = {name: text for name, text in members.items() if _has_right_type(name, text)}
        values: dict[str, list[str | None]] = {n: [None if t == TRUE else t] for n, t in found.items()}
        return cls(values, is_targeted=True)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def __bool__(self) -> bool:
        return bool(self._values)

    def seconds(self, name: str, invalid: int = 0) -> int | None:
        """The value of a directive, the least when there are several; None without it.

        Args:
            name: of the directive.
            invalid: stands for a value that is no number.
        """
        values = self._values.get(name)
        return None if values is None else min(parse_seconds((v or "").strip('"'), invalid) for v in values)

    def is_unqualified(self, name: str) -> bool:
        """Whether a directive is there and names no fields, so that it is about the whole response."""
        return any(value is None or not _fields(value) for value in self._values.get(name, ()))

    def fields(self, name: str) -> frozenset[bytes]:
        """The header fields that a directive names, in lower case."""
        return frozenset().union(*(_fields(value) for value in self._values.get(name, ()) if value))


def _has_right_type(name: str, text: str) -> bool:
    """Whether a directive of a targeted field has a value of its type (RFC 9213, 2.1)."""
    if name in _IN_SECONDS:
        return text.isdigit()
    return text == TRUE or (name in _WITH_FIELDS and (text[0] in '"*' or text[0].isalpha()))


def parse_seconds(text: str, invalid: int) -> int:
    """A number of seconds; `invalid` for a text that is none."""
    return min(int(text[:20]), MAX_SECONDS) if text.isascii() and text.isdigit() else invalid


def _fields(value: str) -> frozenset[bytes]:
    names = value.strip('"').split(",")
    return frozenset(name.strip().lower().encode("latin-1") for name in names if name.strip())


def cache_control(headers: Headers) -> Directives:
    """The `Cache-Control` of a message."""
    return _DIRECTIVES[joined(headers, b"cache-control")]


def response_cache_control(headers: Headers, target_list: Sequence[bytes]) -> Directives:
    """The first targeted field of a response that is valid and not empty, or else its `Cache-Control`.

    Args:
        headers: of the response.
        target_list: the names of targeted fields, the one that counts most first.
    """
    for name in target_list:
        if field(headers, name) is not None and (directives := _TARGETED[joined(headers, name)]):
            return directives
    return cache_control(headers)


def request_cache_control(headers: Headers) -> Directives:
    """The `Cache-Control` of a request, or its `Pragma` where there is none."""
    directives = cache_control(headers)
    if not directives and b"no-cache" in map(bytes.lower, members(headers, b"pragma")):
        return _DIRECTIVES[b"no-cache"]
    return directives


_DIRECTIVES: Final = Memo[bytes, Directives](lambda value: Directives.parse(value.decode("latin-1")))
_TARGETED: Final = Memo(Directives.parse_targeted)


def initial_age(headers: Headers, requested: float, received: float) -> float:
    """The age of a response when it comes: by its `Age`, or since its `Date` (4.2.3)."""
    date = parse_date(field(headers, b"date"))
    apparent = 0.0 if date is None else max(0.0, received - date)
    return max(apparent, _age(headers) + max(0.0, received - requested))


def _age(headers: Headers) -> int:
    """The `Age` of a response; one that is not a single number of seconds is as old as can be.

    RFC 9111, 5.1, would ignore it, or use the first of several: then an old response would count as new.
    """
    values = _values(headers, b"age")
    if len(values) != 1:
        return MAX_SECONDS if values else 0
    return parse_seconds(values[0].strip().decode("latin-1"), MAX_SECONDS)


def explicit_lifetime(control: Directives, headers: Headers, received: float) -> float | None:
    """How long a response says that it is fresh for a shared cache (4.2.1); None when it does not say."""
    for name in ("s-maxage", "max-age"):
        if (seconds := control.seconds(name)) is not None:
            return seconds
    expires = _values(headers, b"expires")
    if not expires or control.is_targeted:
        return None
    until, date = parse_date(expires[0]), parse_date(field(headers, b"date"))
    if until is None or len(expires) > 1:  # "0" and whatever else is no date is in the past (5.3)
        return 0.0
    return max(0.0, until - (received if date is None else date))


def heuristic_lifetime(headers: Headers, received: float, factor: float) -> float:
    """A fraction of the time since a response was modified, a day at most (4.2.2)."""
    date, modified = (parse_date(field(headers, name)) for name in (b"date", b"last-modified"))
    if modified is None:
        return 0.0
    return min(max(0.0, (received if date is None else date) - modified) * factor, MAX_HEURISTIC)


def _values(headers: Headers, name: bytes) -> list[bytes]:
    """Each line of a field that should have one."""
    return [value for known, value in headers if known == name]
