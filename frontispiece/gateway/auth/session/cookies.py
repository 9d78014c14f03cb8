"""The gateway's own cookies."""

import hashlib
import re
import secrets
from typing import Final

from frontispiece.http.cookies import DuplicateCookie, cookies, single_cookie
from frontispiece.http.problems import Problem
from frontispiece.upstream import Headers

SESSION: Final = b"__Host-Http-session"
GUEST: Final = b"__Host-Http-guest"
"""A guest's: a call that began before a login and ends after it must not replace the user's."""

LOGIN_PREFIX: Final = b"__Host-Http-login-"

LOGIN_TIMEOUT: Final = 600
"""Seconds that a login may take."""

MAX_LOGINS: Final = 5
"""Logins in progress in one browser: with too many cookies, its requests would exceed the header limits."""

_ID = re.compile(rb"[A-Za-z0-9_-]{43}")
_ATTRIBUTES: Final = b"Path=/; Secure; HttpOnly; SameSite="


def value(headers: Headers, name: bytes) -> bytes | None:
    """The value of one of the gateway's cookies; None without it.

    Raises:
        Problem: 400 `cookie-duplicated`: there are several.
    """
    try:
        return single_cookie(headers, name)
    except DuplicateCookie as duplicate:
        raise Problem(400, "cookie-duplicated", f"The request is refused: {duplicate}.") from None


def names(headers: Headers, prefix: bytes) -> list[bytes]:
    """The names of all cookies with this prefix."""
    return [name for name, _ in cookies(headers) if name.startswith(prefix)]


def new_session_id() -> str:
    """256 random bits."""
    return secrets.token_urlsafe(32)


def store_key(session_id: str) -> str:
    """The key of a session in Valkey: whoever reads it cannot derive the id."""
    return f"session:{hashlib.sha256(session_id.encode()).hexdigest()}"


def session_key(headers: Headers, name: bytes = SESSION) -> str | None:
    """The store key of the cookie's session; None with no cookie, or with a malformed one.

    Raises:
        Problem: 400 `cookie-duplicated`: there are several.
    """
    found = value(headers, name)
    return store_key(found.decode()) if found is not None and _ID.fullmatch(found) else None


def set_session(session_id: str, name: bytes = SESSION) -> tuple[bytes, bytes]:
    """Sets a session's cookie: no other site's request sends it, no script reads it."""
    return b"set-cookie", b"%s=%s; %sStrict" % (name, session_id.encode(), _ATTRIBUTES)


def delete_session(name: bytes = SESSION) -> tuple[bytes, bytes]:
    """Deletes a session's cookie."""
    return b"set-cookie", b"%s=; Max-Age=0; %sStrict" % (name, _ATTRIBUTES)


def login_name(state: str) -> bytes:
    """The name of one login's cookie: several logins can be in progress side by side."""
    return LOGIN_PREFIX + hashlib.sha256(state.encode()).hexdigest()[:8].encode()


def set_login(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    """Sets a login's cookie: `Lax`, because the browser comes back from the issuer's site with it."""
    return b"set-cookie", b"%s=%s; Max-Age=%d; %sLax" % (name, value, LOGIN_TIMEOUT, _ATTRIBUTES)


def delete_login(name: bytes) -> tuple[bytes, bytes]:
    """Deletes a login's cookie."""
    return b"set-cookie", b"%s=; Max-Age=0; %sLax" % (name, _ATTRIBUTES)
