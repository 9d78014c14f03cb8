"""What the handler's endpoints answer, which nobody keeps, and how they read what they are asked."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

import msgspec

from gateway.session.caching import NO_STORE
from gateway.upstream import Headers, Reply

MOST_FIELDS: Final = 20


class Unreadable(Exception):
    """The query or form has too much in it, or something twice, or is no text."""


def json(value: Any, status: int = 200) -> Reply:
    """A document."""
    headers: Headers = [(b"content-type", b"application/json"), NO_STORE]
    return Reply.whole(status, msgspec.json.encode(value), headers)


def redirect(location: str) -> Reply:
    """Sends the browser elsewhere, which is not told from where."""
    headers: Headers = [
        (b"location", location.encode("ascii")),
        NO_STORE,
        (b"referrer-policy", b"no-referrer"),
    ]
    return Reply.whole(302, b"", headers)


def fields(encoded: bytes) -> dict[str, str]:
    """The fields of a query or a form.

    Raises:
        Unreadable: a field comes twice, there are too many, or it is not in UTF-8.
    """
    try:
        pairs = parse_qsl(
            encoded.decode("ascii"), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict"
        )
    except ValueError as fault:
        raise Unreadable(str(fault)) from None
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Unreadable("a field comes twice")
    return found


def with_query(url: str, query: Mapping[str, str]) -> str:
    """A URL with these fields in its query, beside those that it has."""
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"
