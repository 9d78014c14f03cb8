"""Cookies of a request, read strictly: no other name is taken for that of a cookie with a prefix.

Browsers let only a secure origin set a cookie whose name begins with `__Host-` (RFC 6265bis, 4.1.3.2).
A reader that trims more than they do, such as a no-break space, finds it in a cookie that anybody may set.
"""

import re
from collections.abc import Iterator
from typing import Final

from frontispiece.http.messages import Headers

_TOKEN: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_WHITESPACE: Final = b" \t"


class DuplicateCookie(Exception):
    """A request has several cookies of a name: nobody can tell which one the site has set.

    Args:
        name: the cookies' name.
    """

    def __init__(self, name: bytes) -> None:
        super().__init__(f"the cookie {name.decode()} comes more than once")
        self.name = name


def cookies(headers: Headers) -> Iterator[tuple[bytes, bytes]]:
    """Names and values of all cookies in order, except those whose name is no token (RFC 6265, 4.1.1)."""
    for field, line in headers:
        if field == b"cookie":
            for pair in line.split(b";"):
                name, equals, value = pair.partition(b"=")
                name = name.strip(_WHITESPACE)
                if equals and _TOKEN.fullmatch(name):
                    yield name, value.strip(_WHITESPACE)


def single_cookie(headers: Headers, name: bytes) -> bytes | None:
    """The value of the cookie of this name; None without one.

    Raises:
        DuplicateCookie: there are several.
    """
    values = [value for other, value in cookies(headers) if other == name]
    if len(values) > 1:
        raise DuplicateCookie(name)
    return values[0] if values else None
