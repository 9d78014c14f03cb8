"""Header names and methods with a meaning of their own: hop-by-hop fields, credentials, safe methods."""

from collections.abc import Iterable
from typing import Final

from frontispiece.http.messages import Headers

SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
"""Methods that change nothing (RFC 9110, 9.2.1), except OPTIONS and TRACE, which read nothing."""

READING_METHODS: Final = SAFE_METHODS | {"OPTIONS", "PROPFIND", "QUERY", "REPORT", "SEARCH", "TRACE"}
"""Methods that are registered as safe; any other may change something."""

IDEMPOTENT_METHODS: Final = SAFE_METHODS | {"OPTIONS", "PUT", "DELETE"}
"""Methods that mean the same however often they are sent (RFC 9110, 9.2.2)."""

CREDENTIALS: Final = frozenset({b"authorization", b"cookie", b"dpop", b"x-internal-token"})
"""Request headers that prove who the caller is."""

HOP_BY_HOP: Final = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
"""Fields that concern one connection only (RFC 9110, 7.6.1), with those that older peers still send."""

FOR_EVERY_RECIPIENT: Final = frozenset(
    {
        b"accept",
        b"accept-encoding",
        b"age",
        b"authorization",
        b"cache-control",
        b"content-encoding",
        b"content-length",
        b"content-range",
        b"content-type",
        b"cookie",
        b"date",
        b"etag",
        b"expires",
        b"host",
        b"idempotency-key",
        b"if-match",
        b"if-modified-since",
        b"if-none-match",
        b"if-range",
        b"if-unmodified-since",
        b"last-modified",
        b"location",
        b"origin",
        b"pragma",
        b"range",
        b"retry-after",
        b"set-cookie",
        b"vary",
        b"www-authenticate",
        b"x-csrf",
    }
)
"""Fields that `Connection` cannot name (RFC 9110, 7.6.1): the gateway, caches and clients go by them."""

NUL, CR, LF = b"\0\r\n"
"""Numbers of bytes that no line has: a number is found in bytes ten times as fast as one byte is counted."""


def lines_of(headers: Headers) -> bytes:
    """The lines of a header section, each with its CR LF.

    Raises:
        ValueError: some name or value has a line break or a NUL: it would be another section.
    """
    lines = [*map(b": ".join, headers)]
    text = b"".join(lines)
    if NUL in text or CR in text or LF in text:
        raise ValueError("A header field has a line break or a NUL.")
    return b"\r\n".join([*lines, b""])


def joined(headers: Headers, name: bytes) -> bytes:
    """All fields of this name, joined to one list."""
    return b",".join([value for known, value in headers if known == name])


def members(headers: Headers, name: bytes) -> list[bytes]:
    """The members of a list of tokens, in order."""
    return [word for word in (each.strip() for each in joined(headers, name).split(b",")) if word]


def without(headers: Headers, names: Iterable[bytes]) -> Headers:
    """The headers without the fields of these names."""
    removed = frozenset(names)
    return [field for field in headers if field[0] not in removed]


def without_credentials(headers: Headers) -> Headers:
    """The headers without those that prove who the caller is."""
    return [field for field in headers if field[0] not in CREDENTIALS]


def end_to_end(headers: Headers, dropped: frozenset[bytes] = HOP_BY_HOP) -> Headers:
    """The headers without the hop-by-hop fields, those that `Connection` names included, or without more."""
    if options := [value for name, value in headers if name == b"connection"]:
        named = {option.strip().lower() for option in b",".join(options).split(b",")}
        dropped |= named - FOR_EVERY_RECIPIENT
    return [field for field in headers if field[0] not in dropped]
