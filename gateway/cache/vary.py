"""Answers that depend on fields of the request (RFC 9111, 4.1)."""

from typing import Final

from gateway.cache.directives import joined, members
from gateway.upstream import Headers

ANYTHING: Final = b"*"
"""In `Vary`, it says that no other request is alike."""

_UNORDERED: Final = frozenset({b"accept-encoding"})
"""Whose members mean the same in any order, letters of either case."""


def varies_by(headers: Headers) -> frozenset[bytes]:
    """The names of the fields on which an answer depends."""
    return frozenset(name.lower() for name in members(headers, b"vary"))


def said_in(headers: Headers, names: frozenset[bytes]) -> tuple[tuple[bytes, bytes], ...]:
    """What a request says in these fields, in a form in which two that say the same are equal."""
    return tuple((name, _normal(headers, name)) for name in sorted(names))


def _normal(headers: Headers, name: bytes) -> bytes:
    """The field's members without the space around them; an absent field is not an empty one."""
    if not any(known == name for known, _ in headers):
        return b"-"
    said = [member.strip() for member in joined(headers, name).split(b",")]
    if name in _UNORDERED:
        said = sorted(member.lower().replace(b" ", b"") for member in said if member)
    return b"=" + b",".join(said)
