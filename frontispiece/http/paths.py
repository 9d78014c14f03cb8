"""Request paths, normalised once and refused where two readers could differ; and path templates.

A segment stays percent-encoded as the client wrote it, for `a%3Bb` and `a;b` may be two resources (RFC 3986,
2.2); only unreserved characters are decoded, which mean the same either way (2.3).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import quote, unquote, unquote_to_bytes

_PLAIN_SEGMENT = rb"[A-Za-z0-9_~!$&'()*+,;=:@-][A-Za-z0-9._~!$&'()*+,;=:@-]*+"
_PLAIN = re.compile(rb"/(?:%b(?:/%b)*/?)?" % (_PLAIN_SEGMENT, _PLAIN_SEGMENT))
_BROKEN_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_ESCAPE_OR_FOREIGN = re.compile(rb"%..|[^A-Za-z0-9._~!$&'()*+,;=:@/-]", re.DOTALL)
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\\]")
_DOT_SEGMENT = re.compile(r"/\.\.?(?:[;/]|\Z)")  # some take off what follows a semicolon, and then look
_UNRESERVED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
_DECODED = {b"%%%02X" % byte: bytes([byte]) for byte in _UNRESERVED}
_PLAIN_CHARACTERS = "-._~!$&'()*+,;=:@"


class AmbiguousPath(Exception):
    """The path could mean one thing here and another behind; the message says what is wrong with it."""


def segments_of(raw: bytes) -> list[str]:
    """The normalised segments of a path as it came over the wire, percent-encoded.

    Raises:
        AmbiguousPath: dot or empty segments, encoded separators, control characters, broken encoding.
    """
    if _PLAIN.fullmatch(raw):
        return raw[1:].decode("ascii").split("/")
    if not raw.startswith(b"/"):
        raise AmbiguousPath("it does not begin with a slash")
    if _BROKEN_ESCAPE.search(raw):
        raise AmbiguousPath("it has a percent sign without two hexadecimal digits")
    if b"//" in raw:
        raise AmbiguousPath("it has an empty segment")
    try:
        text = unquote_to_bytes(raw).decode("utf-8")
    except UnicodeDecodeError:
        raise AmbiguousPath("it is not UTF-8") from None
    if _FORBIDDEN.search(text) or text.count("/") > raw.count(b"/"):
        raise AmbiguousPath("it has an encoded slash, a backslash or a control character")
    if _DOT_SEGMENT.search(text):
        raise AmbiguousPath("it has a dot segment")
    return _ESCAPE_OR_FOREIGN.sub(_respelled, raw[1:]).decode("ascii").split("/")


def decode_segment(segment: str) -> str:
    """The text of a normalised segment."""
    return unquote(segment, errors="strict") if "%" in segment else segment


def encode_segment(text: str) -> str:
    """The text as one percent-encoded segment."""
    return quote(text, safe=_PLAIN_CHARACTERS)


def _respelled(match: re.Match[bytes]) -> bytes:
    """An escape decoded if it stands for an unreserved character; what no path may have, encoded."""
    found = match[0]
    return b"%%%02X" % found[0] if len(found) == 1 else _DECODED.get(found.upper(), found)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A placeholder: `{name}` stands for one segment, `{name:path}` for all that are left."""

    name: str
    takes_rest: bool = False

    def __str__(self) -> str:
        return f"{{{self.name}:path}}" if self.takes_rest else f"{{{self.name}}}"


@dataclass(frozen=True, slots=True)
class Template:
    """A path with placeholders, such as `/things/{id}` or `/web/{rest:path}`."""

    parts: tuple[str | Parameter, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a template.

        Raises:
            ValueError: it is none; the message says why.
        """
        if not text.startswith("/"):
            raise ValueError(f"{text!r} does not begin with a slash: write '/{text}'")
        try:
            parts = tuple(_part(piece) for piece in text[1:].split("/"))
            segments_of(re.sub(r"\{[^/]*\}", "x", text).encode())
        except AmbiguousPath as error:
            raise ValueError(f"{text!r} is no path: {error}") from None
        names = [part.name for part in parts if isinstance(part, Parameter)]
        if len(names) != len(set(names)):
            raise ValueError(f"{text!r} uses a name twice")
        if any(isinstance(part, Parameter) and part.takes_rest for part in parts[:-1]):
            raise ValueError(f"{text!r} has something behind a placeholder that takes the rest")
        return cls(parts)

    def __str__(self) -> str:
        return "/" + "/".join(map(str, self.parts))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the placeholders, in order."""
        return tuple(part.name for part in self.parts if isinstance(part, Parameter))

    @property
    def shape(self) -> tuple[str | None, ...]:
        """The template without names: what two templates that match the same paths have in common."""
        return tuple(
            part if isinstance(part, str) else "{rest}" if part.takes_rest else None for part in self.parts
        )

    def expand(self, values: Mapping[str, Sequence[str]]) -> str:
        """The path with these normalised segments in the placeholders."""
        return "/" + "/".join(self.fill(values))

    def fill(self, values: Mapping[str, Sequence[str]]) -> list[str]:
        """The segments of the path with these normalised segments in the placeholders."""
        segments: list[str] = []
        for part in self.parts:
            segments += [part] if isinstance(part, str) else values[part.name]
        return segments


_OTHER_PLACEHOLDERS: Final = re.compile(r":(?P<colon>[A-Za-z_]\w*)|<(?P<angle>[A-Za-z_]\w*)>|\*+", re.ASCII)
"""Placeholders as other routers have them: `:id`, `<id>`, `*`."""


def _part(piece: str) -> str | Parameter:
    if not ("{" in piece or "}" in piece):
        if found := _OTHER_PLACEHOLDERS.fullmatch(piece):
            meant = f"{{{found['colon'] or found['angle']}}}" if found.lastgroup else "{rest:path}"
            raise ValueError(f"{piece!r} is no placeholder: write {meant}")
        if encode_segment(piece) != piece:
            raise ValueError(
                f"{piece!r} is not plain: between slashes stand letters, digits and -._~!$&'()*+,;=:@"
            )
        return piece
    match = re.fullmatch(r"\{([A-Za-z_][A-Za-z0-9_]*)(:path)?\}", piece)
    if match is None:
        raise ValueError(
            f"{piece!r} is no placeholder: write {{name}} or {{name:path}}, alone between slashes"
        )
    return Parameter(match[1], takes_rest=match[2] is not None)
