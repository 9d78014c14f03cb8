"""Whether a call was meant by our own pages: other sites can make a browser send a request, but not this one.

A static header is enough: other origins may send it only after a preflight, which nobody here allows.
`Origin` and `Sec-Fetch-Site`, which no page can forge, are looked at besides: a sibling subdomain, for which
cookies are of the same site, is somebody else's page too.
"""

from typing import Final

from gateway.call import Call
from kit.problems import Problem

HEADER: Final = b"x-csrf"

SAFE: Final = frozenset({"GET", "HEAD"})
"""Methods that change nothing."""


def is_marked(call: Call) -> bool:
    """Whether the call has the header that only our own pages send; for a WebSocket, they cannot."""
    return call.header(HEADER) == b"1" or call.socket is not None


def check(call: Call, origin: bytes) -> None:
    """Let only calls of our own pages pass.

    Raises:
        Problem: 403 `csrf-header-missing` or `cross-site`.
    """
    if not is_marked(call):
        raise Problem(403, "csrf-header-missing", "A call with a session needs the header X-CSRF: 1.")
    origins = [value for name, value in call.headers if name == b"origin"]
    if call.socket is not None:  # browsers ask no other site before they open it, but they do tell whose page
        if origins != [origin]:
            raise Problem(403, "cross-site", "Only our own pages open a WebSocket with the session.")
        return
    if any(value != origin for value in origins) or not _is_here(call, bool(origins)):
        raise Problem(403, "cross-site", "Another site's page may not use the session.")


def _is_here(call: Call, has_origin: bool) -> bool:  # noqa: FBT001 (one call, above)
    sites = {value for name, value in call.headers if name == b"sec-fetch-site"}
    if call.method in SAFE and not has_origin:
        sites.discard(b"none")  # nobody's page: typed in by the user
    return sites <= {b"same-origin"}
