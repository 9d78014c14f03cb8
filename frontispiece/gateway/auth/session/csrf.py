"""Protection against cross-site request forgery.

A static header is enough: other origins may send it only after a preflight, which the gateway does not grant.
`Origin` and `Sec-Fetch-Site`, which no page can forge, are checked as well: to cookies, a sibling subdomain
is the same site.
"""

from typing import Final

from frontispiece.gateway.call import Call
from frontispiece.http.headers import SAFE_METHODS
from frontispiece.http.problems import Problem

HEADER: Final = b"x-csrf"


def has_csrf_header(call: Call) -> bool:
    """Whether the call has the header; a WebSocket's handshake cannot have it."""
    return call.header(HEADER) == b"1" or call.socket is not None


def check(call: Call, origin: bytes) -> None:
    """Allow only calls from pages of this origin.

    Raises:
        Problem: 403 `csrf-header-missing` or `cross-site`.
    """
    if not has_csrf_header(call):
        raise Problem(403, "csrf-header-missing", "A call with a session needs the header X-CSRF: 1.")
    origins = [value for name, value in call.headers if name == b"origin"]
    if call.socket is not None:  # browsers send no preflight for a WebSocket, but always an Origin
        if origins != [origin]:
            raise Problem(403, "cross-site", "Only our own pages open a WebSocket with the session.")
        return
    if any(value != origin for value in origins) or not _is_same_origin(call, bool(origins)):
        raise Problem(403, "cross-site", "Another site's page may not use the session.")


def _is_same_origin(call: Call, has_origin: bool) -> bool:  # noqa: FBT001 (one call, above)
    sites = {value for name, value in call.headers if name == b"sec-fetch-site"}
    if call.method in SAFE_METHODS and not has_origin:
        sites.discard(b"none")  # typed in by the user
    return sites <= {b"same-origin"}
