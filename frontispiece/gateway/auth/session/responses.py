"""What the session's own endpoints read and respond, and the cache headers of session routes."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

import msgspec

from frontispiece.http.cache_control import cache_control
from frontispiece.upstream import Headers, Reply

MAX_FIELDS: Final = 20

CACHE_CONTROL: Final = b"cache-control"
NO_STORE: Final = (CACHE_CONTROL, b"no-store")
PRIVATE: Final = (CACHE_CONTROL, b"private")

VARY: Final = (b"vary", b"Cookie, X-CSRF")
"""A guest's response differs from that of the same browser after a login."""

SHARED_CACHE_RULES: Final = ("no-store", "private", "public", "s-maxage")


class InvalidFields(Exception):
    """A query or form with a repeated field, too many fields, or no UTF-8."""


def json_response(value: Any, status: int = 200) -> Reply:
    """A JSON document that is not cached."""
    headers: Headers = [(b"content-type", b"application/json"), NO_STORE]
    return Reply.whole(status, msgspec.json.encode(value), headers)


def redirect(location: str) -> Reply:
    """302 to this URL, which does not get a `Referer`."""
    headers: Headers = [
        (b"location", location.encode("ascii")),
        NO_STORE,
        (b"referrer-policy", b"no-referrer"),
    ]
    return Reply.whole(302, b"", headers)


def read_fields(encoded: bytes) -> dict[str, str]:
    """The fields of a query or a form.

    Raises:
        InvalidFields: a field comes twice, there are too many, or one is not UTF-8.
    """
    try:
        pairs = parse_qsl(
            encoded.decode("ascii"), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict"
        )
    except ValueError as error:
        raise InvalidFields(str(error)) from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise InvalidFields("a field comes twice")
    return fields


def with_query(url: str, query: Mapping[str, str]) -> str:
    """The URL with these fields added to its query."""
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"


def set_cache_headers(reply: Reply, *, private: bool, sets_cookie: bool) -> None:
    """Keep shared caches from storing a response of a session route.

    A shared cache stores no response to a request with `Authorization` unless it is declared public (RFC
    9111, 3.5); services rely on that. Browsers send a cookie instead, of which the standard says no such
    thing.
    """
    if sets_cookie:
        reply.headers = [field for field in reply.headers if field[0] != CACHE_CONTROL]
        reply.headers += NO_STORE, VARY
        return
    if private:
        directives = cache_control(reply.headers)
        if not any(name in directives for name in SHARED_CACHE_RULES):
            reply.headers.append(PRIVATE)
    reply.headers.append(VARY)
