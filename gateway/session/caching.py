"""Who may keep the answers of session routes.

A service sees an `Authorization` and may count on shared caches to keep nothing then that is not said to be
public (RFC 9111, 3.5). They see a cookie only, of which the standard says no such thing: so it is said here.
"""

import re
from typing import Final

from gateway.upstream import Reply

CONTROL: Final = b"cache-control"

NO_STORE: Final = (CONTROL, b"no-store")
PRIVATE: Final = (CONTROL, b"private")

VARY: Final = (b"vary", b"Cookie, X-CSRF")
"""What a guest was shown is not what the same browser is shown after a login."""

_SAYS_WHO = re.compile(rb"(?:^|[\s,])(?:no-store|private|public|s-maxage)(?:$|[\s,=])", re.IGNORECASE)


def keep_apart(reply: Reply, *, somebodys: bool, sets_cookie: bool) -> None:
    """Have an answer kept by those alone who may.

    Args:
        reply: what the service answers.
        somebodys: whether it was asked on behalf of somebody in particular.
        sets_cookie: whether a cookie of the session comes with it.
    """
    if sets_cookie:
        reply.headers = [field for field in reply.headers if field[0] != CONTROL]
        reply.headers += NO_STORE, VARY
        return
    if somebodys and not any(name == CONTROL and _SAYS_WHO.search(value) for name, value in reply.headers):
        reply.headers.append(PRIVATE)
    reply.headers.append(VARY)
