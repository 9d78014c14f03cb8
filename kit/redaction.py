"""What may stand in logs and traces of a URL: its shape, and nobody's name, address or token."""

import re
from collections.abc import Collection, Mapping
from typing import Final
from urllib.parse import unquote

REDACTED: Final = "REDACTED"

PERSONAL: Final = frozenset({"user", "owner", "subject", "email"})
"""Placeholders of routes that stand for somebody."""

DECODED_AT_MOST: Final = 3
"""So often something may have been percent-encoded."""

_SECRET: Final = re.compile(
    r"[^\s@/]+@[^\s@/]+"  # what looks like an e-mail address
    r"|\beyJ[A-Za-z0-9_-]{5,}"  # like the beginning of a JWT
    r"|[A-Za-z0-9_=+-]{40,}"  # like a key: longer than the names and ids that people make
)
_STRANGE: Final = re.compile(r"[^\x21-\x7e]")
_PLAIN: Final = re.compile(r"(?!.*eyJ)[A-Za-z0-9._~-]{0,39}")
"""A segment in which there is nothing to be found: most are."""

_NAME: Final = re.compile(r"[A-Za-z0-9_.\[\]-]{1,40}")


def is_secret(text: str) -> bool:
    """Whether it looks like something that is not to be told, however often it is percent-encoded."""
    for _ in range(DECODED_AT_MOST):
        if _SECRET.search(text):
            return True
        decoded = unquote(text)
        if decoded == text:
            return False
        text = decoded
    return _SECRET.search(text) is not None


def path(raw: str, personal: Collection[str] = ()) -> str:
    """A path as it may be told, in printable ASCII.

    Args:
        raw: as it was sent, percent-encoded.
        personal: decoded segments that stand for somebody.
    """
    return "/".join(_segment(segment, personal) for segment in raw.split("/"))


def personal(params: Mapping[str, object]) -> set[str]:
    """The values, out of those of a route's placeholders, that stand for somebody."""
    found: set[str] = set()
    for name in PERSONAL & params.keys():
        value = params[name]
        found.update([value] if isinstance(value, str) else map(str, value))  # type: ignore[call-overload]
    return found


def names(query: str, most: int = 20) -> list[str]:
    """The names of a query's parameters, without any value."""
    if not query:
        return []
    found = [pair.partition("=")[0] for pair in query.split("&", most)[:most]]
    return [name if _NAME.fullmatch(name) and not is_secret(name) else REDACTED for name in found]


def word(text: str, most: int = 100) -> str:
    """A word that others chose, in printable ASCII and not too long."""
    short = text[:most]
    return REDACTED if is_secret(short) else _STRANGE.sub(_encoded, short)


def _segment(raw: str, personal: Collection[str]) -> str:
    if _PLAIN.fullmatch(raw) and raw not in personal:
        return raw
    segment, parameters, _ = raw.partition(";")  # such as `;jsessionid=…`
    told = REDACTED if unquote(segment) in personal or is_secret(segment) else _STRANGE.sub(_encoded, segment)
    return f"{told};{REDACTED}" if parameters else told


def _encoded(strange: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in strange[0].encode("utf-8", "surrogateescape"))
