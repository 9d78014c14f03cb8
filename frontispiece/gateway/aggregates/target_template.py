"""Where a part is read: `service:/path?query` with placeholders, filled so that no value leads elsewhere."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Self
from urllib.parse import quote

from frontispiece.http.paths import AmbiguousPath, Template, segments_of
from frontispiece.upstream import InvalidResponse

EACH = "each"
"""The placeholder for one element of a fan-out."""

MAX_VALUE = 1024
"""Characters of a placeholder's value from a response."""

_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)((?:\.[A-Za-z0-9_$@-]+)*)\}")
_PLAIN = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*")
_QUERY = re.compile(r"(?:[A-Za-z0-9._~:@!$'()*+,;/?\[\]-]|%[0-9A-Fa-f]{2})*")


@dataclass(frozen=True, slots=True)
class Placeholder:
    """`{id}`, a parameter of the path; `{each}`; or `{thing.brand.id}`, a field of a part's answer."""

    name: str
    path: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a placeholder with its braces.

        Raises:
            ValueError: it is none.
        """
        match = _PLACEHOLDER.fullmatch(text)
        if match is None:
            raise ValueError(
                f"{text!r} is no placeholder: write {{name}} or {{part.field}}, alone between slashes or as "
                "the whole value of a query parameter"
            )
        return cls(match[1], tuple(match[2].split(".")[1:]))

    def __str__(self) -> str:
        return "{" + ".".join((self.name, *self.path)) + "}"

    @property
    def field(self) -> str:
        """What it stands for, as a sentence names it."""
        return str(self)[1:-1]


@dataclass(frozen=True)
class TargetTemplate:
    """`things:/brands/{thing.brand_id}?limit=5`, parsed."""

    service: str
    segments: tuple[str | Placeholder, ...]
    query: tuple[tuple[str, str | Placeholder], ...]

    @classmethod
    def parse(cls, text: object) -> Self:
        """Read an address.

        Raises:
            ValueError: it is none; the message says why.
        """
        service, _, rest = text.partition(":") if isinstance(text, str) else ("", "", "")
        if not service or not rest.startswith("/"):
            raise ValueError('write "service:/path", perhaps with placeholders and a query')
        path, question, query = rest.partition("?")
        segments = tuple(_filled(piece) for piece in path[1:].split("/"))
        plain = ["x" if isinstance(piece, Placeholder) else piece for piece in segments]
        Template.parse("/" + "/".join(plain))  # raises for what no path may have
        return cls(service, segments, tuple(map(_pair, query.split("&"))) if question else ())

    def __str__(self) -> str:
        query = "&".join(f"{name}={value}" for name, value in self.query)
        return f"{self.service}:/{'/'.join(map(str, self.segments))}" + (f"?{query}" if query else "")

    @property
    def placeholders(self) -> Iterator[Placeholder]:
        """Every placeholder, in order."""
        for piece in (*self.segments, *(value for _, value in self.query)):
            if isinstance(piece, Placeholder):
                yield piece

    def target(self, values: Mapping[Placeholder, str], more: Iterable[str] = ()) -> str:
        """The percent-encoded path and query with these values, and further pairs of the query.

        Raises:
            InvalidResponse: a value cannot stand where it should: it would change the path, or it is empty.
        """
        made = [
            piece if isinstance(piece, str) else encoded(piece, values[piece])
            for piece, encoded in self._pieces
        ]
        mark = "&" if self.query else "?"
        for pair in more:
            made.append(mark + pair)
            mark = "&"
        return "".join(made)

    @cached_property
    def _pieces(self) -> tuple[tuple[str | Placeholder, "Encode"], ...]:
        """Plain text and placeholders in order, with how a value is encoded where it stands."""
        pieces: list[tuple[str | Placeholder, Encode]] = []
        for piece in self.segments:
            pieces += [("/", segment), (piece, segment)]
        for number, (name, value) in enumerate(self.query):
            pieces += [(f"{'&' if number else '?'}{name}=", parameter), (value, parameter)]
        return tuple(pieces)


Encode = Callable[[Placeholder, str], str]


def segment(placeholder: Placeholder, value: str) -> str:
    """The value as one percent-encoded segment of a path.

    Raises:
        InvalidResponse: it is none that every server would read alike.
    """
    if _PLAIN.fullmatch(value):
        return value
    encoded = parameter(placeholder, value)
    try:
        segments_of(b"/" + encoded.encode())
    except AmbiguousPath as fault:
        raise InvalidResponse(
            f"it cannot be asked: {placeholder.field} is no segment of a path: {fault}"
        ) from None
    return encoded


def parameter(placeholder: Placeholder, value: str) -> str:
    """The value percent-encoded for a query.

    Raises:
        InvalidResponse: it is empty.
    """
    if not value:
        raise InvalidResponse(f"it cannot be asked: {placeholder.field} is empty")
    return quote(value, safe="")


def _filled(piece: str) -> str | Placeholder:
    return Placeholder.parse(piece) if "{" in piece or "}" in piece else piece


def _pair(text: str) -> tuple[str, str | Placeholder]:
    name, equals, value = text.partition("=")
    if not (equals and name and _QUERY.fullmatch(name)):
        raise ValueError(f"{text!r} is no name=value of a query")
    filled = _filled(value)
    if isinstance(filled, str) and not _QUERY.fullmatch(filled):
        raise ValueError(f"{value!r} is not percent-encoded")
    return _without_brackets(name), filled if isinstance(filled, Placeholder) else _without_brackets(filled)


def _without_brackets(text: str) -> str:
    """Brackets percent-encoded: RFC 3986 has none in a query, though many write them."""
    return text.replace("[", "%5B").replace("]", "%5D")
