"""URLs without personal data and secrets, for logs and traces."""

import re
from collections.abc import Collection, Mapping
from typing import Final
from urllib.parse import unquote

REDACTED: Final = "REDACTED"

PERSONAL: Final = frozenset({"user", "owner", "subject", "email"})
"""Placeholders of routes that identify a person."""

MAX_DECODINGS: Final = 3
"""How often a value may have been percent-encoded."""

MAX_TEXT: Final = 4000
"""Characters of a message."""

MAX_WORD: Final = 300
"""Characters of a word in a message; longer ones are redacted."""

MAX_LOGGED_WORD: Final = 100

_WORD: Final = re.compile(r"\S+")
_SECRET: Final = re.compile(
    r"[^\s@/]@[^\s@/]"  # an e-mail address
    r"|\beyJ[A-Za-z0-9_-]{5}"  # the beginning of a JWT
    r"|[A-Za-z0-9_=+-]{40}"  # a key: longer than names and ids
)
_STRANGE: Final = re.compile(r"[^\x21-\x7e]")
_PLAIN: Final = re.compile(r"(?!.*eyJ)[A-Za-z0-9._~-]{0,39}")
"""A segment without any secret, as most are."""
_PLAIN_PATH: Final = re.compile(r"(?!.*eyJ)(?:/[A-Za-z0-9._~-]{0,39})*")

_NAME: Final = re.compile(r"[A-Za-z0-9_.\[\]-]{1,40}")


def is_secret(text: str) -> bool:
    """Whether it looks like a secret or an e-mail address, percent-encoded or not."""
    for _ in range(MAX_DECODINGS):
        if _SECRET.search(text):
            return True
        decoded = unquote(text)
        if decoded == text:
            return False
        text = decoded
    return _SECRET.search(text) is not None


def path(raw: str, personal: Collection[str] = ()) -> str:
    """A redacted path, in printable ASCII.

    The raw path is percent-encoded; `personal` are decoded segments that identify a person.
    """
    if not personal and _PLAIN_PATH.fullmatch(raw):
        return raw
    return "/".join(_segment(segment, personal) for segment in raw.split("/"))


def personal(params: Mapping[str, object]) -> set[str]:
    """The decoded values of a route's placeholders that identify a person."""
    found: set[str] = set()
    for name in PERSONAL & params.keys():
        value = params[name]
        values = [value] if isinstance(value, str) else map(str, value)  # type: ignore[call-overload]
        found.update(map(unquote, values))
    return found


def names(query: str, limit: int = 20) -> list[str]:
    """The names of a query's parameters, without the values."""
    if not query:
        return []
    found = [pair.partition("=")[0] for pair in query.split("&", limit)[:limit]]
    return [name if _NAME.fullmatch(name) and not is_secret(name) else REDACTED for name in found]


def word(text: str) -> str:
    """A redacted word, in printable ASCII and of limited length."""
    short = text[:MAX_LOGGED_WORD]
    return REDACTED if is_secret(short) else _STRANGE.sub(_encoded, short)


def text(message: str) -> str:
    """A redacted message of limited length."""
    return _WORD.sub(lambda word: REDACTED if _is_secret_word(word[0]) else word[0], message[:MAX_TEXT])


def _is_secret_word(word: str) -> bool:
    return len(word) > MAX_WORD or is_secret(word)


def _segment(raw: str, personal: Collection[str]) -> str:
    if _PLAIN.fullmatch(raw) and raw not in personal:
        return raw
    segment, parameters, _ = raw.partition(";")  # such as `;jsessionid=…`
    redacted = (
        REDACTED if unquote(segment) in personal or is_secret(segment) else _STRANGE.sub(_encoded, segment)
    )
    return f"{redacted};{REDACTED}" if parameters else redacted


def _encoded(strange: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in strange[0].encode("utf-8", "surrogateescape"))
