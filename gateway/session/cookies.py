"""The gateway's own cookies: which they are, how they are read and set."""

import hashlib
import re
import secrets
from collections.abc import Iterator
from typing import Final

from gateway.upstream import Headers

SESSION: Final = b"__Host-Http-session"
LOGIN: Final = b"__Host-Http-login-"

LOGIN_SECONDS: Final = 600
"""How long a login may take."""

MOST_LOGINS: Final = 5
"""Logins that a browser may have begun at the same time: with too many cookies, its requests are refused."""

_ID = re.compile(rb"[A-Za-z0-9_-]{43}")
_ALWAYS: Final = b"Path=/; Secure; HttpOnly; SameSite="


def values(headers: Headers, name: bytes) -> list[bytes]:
    """The values of all cookies of this name."""
    return [value for known, value in _cookies(headers) if known == name]


def names(headers: Headers, prefix: bytes) -> list[bytes]:
    """The names of all cookies that begin so."""
    return [known for known, _ in _cookies(headers) if known.startswith(prefix)]


def _cookies(headers: Headers) -> Iterator[tuple[bytes, bytes]]:
    for field, line in headers:
        if field == b"cookie":
            for pair in line.split(b";"):
                name, _, value = pair.partition(b"=")
                yield name.strip(), value.strip()


def new_id() -> str:
    """A session's id: 256 random bits."""
    return secrets.token_urlsafe(32)


def key_of(session_id: str) -> str:
    """Where a session is kept: who reads that cannot tell the id."""
    return f"session:{hashlib.sha256(session_id.encode()).hexdigest()}"


def session_key(headers: Headers) -> str | None:
    """Where the session is kept that the cookie names; None without one, with several, or with nonsense."""
    found = values(headers, SESSION)
    if len(found) != 1 or not _ID.fullmatch(found[0]):
        return None
    return key_of(found[0].decode())


def session(session_id: str) -> tuple[bytes, bytes]:
    """Sets the session's cookie: no other site's request brings it, no script reads it."""
    return b"set-cookie", b"%s=%s; %sStrict" % (SESSION, session_id.encode(), _ALWAYS)


NO_SESSION: Final = (b"set-cookie", b"%s=; Max-Age=0; %sStrict" % (SESSION, _ALWAYS))
"""Takes the session's cookie away."""


def login_name(state: str) -> bytes:
    """The name of the cookie of one login, so that several can go on side by side."""
    return LOGIN + hashlib.sha256(state.encode()).hexdigest()[:8].encode()


def login(name: bytes, sealed: bytes) -> tuple[bytes, bytes]:
    """Sets a login's cookie: `Lax`, for the browser comes back from another site with it."""
    return b"set-cookie", b"%s=%s; Max-Age=%d; %sLax" % (name, sealed, LOGIN_SECONDS, _ALWAYS)


def no_login(name: bytes) -> tuple[bytes, bytes]:
    """Takes a login's cookie away."""
    return b"set-cookie", b"%s=; Max-Age=0; %sLax" % (name, _ALWAYS)
