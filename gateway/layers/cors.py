"""Pages of other origins: which may call, and what they may see (the CORS protocol of the Fetch standard).

A browser sends the call anyway, or asks first (a preflight); it is the browser that keeps the answer from a
page that may not see it. Nothing here keeps anybody out who is no browser: that is what auth is for.
"""

from collections.abc import Iterable
from typing import Final

from gateway.call import Call, Handler, Layer
from gateway.policies.cors import ANY, Cors
from gateway.upstream import Headers, Reply, field
from kit.problems import Problem

OURS: Final = b"access-control-"
ORIGIN: Final = (b"vary", b"Origin")
ASKED: Final = b"access-control-request-method"
PREFLIGHT_VARY: Final = (
    b"vary",
    b"Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
)


def shared(cors: Cors) -> Layer:
    """Tell browsers whether the calling page may see the answer, whatever that is.

    What a service says of this itself is dropped: the table says it.
    """
    allowed = _Allowed(cors)
    exposed = [(b"access-control-expose-headers", ", ".join(cors.expose).encode())] if cors.expose else []

    def layer(inner: Handler) -> Handler:
        async def handle(call: Call) -> Reply:
            call.told += allowed.varies
            if granted := allowed.to(call.headers):
                call.told += granted
                call.told += exposed
            reply = await inner(call)
            reply.headers = [each for each in reply.headers if not each[0].startswith(OURS)]
            return reply

        return handle

    return layer


def preflight(cors: Cors, methods: Iterable[str]) -> Handler:
    """Answer for a route what a browser asks before it sends a page's call."""
    allowed = _Allowed(cors)
    granted: Headers = [
        (b"access-control-allow-methods", ", ".join(cors.methods or methods).encode()),
        (b"access-control-max-age", b"%d" % cors.max_age.total_seconds()),
    ]
    if cors.headers:
        granted.append((b"access-control-allow-headers", ", ".join(cors.headers).encode()))

    async def handle(call: Call) -> Reply:
        call.told.append(PREFLIGHT_VARY)
        if not (origin := allowed.to(call.headers)):
            raise Problem(403, "origin-refused", "Pages of this origin may not call this.")
        return Reply(status=204, headers=[*origin, *granted], body=b"")

    return handle


def method_asked(headers: Headers) -> str | None:
    """The method for which this OPTIONS request is a preflight; None when it is none."""
    asked = field(headers, ASKED)
    return asked.decode("latin-1") if asked and field(headers, b"origin") is not None else None


class _Allowed:
    """What pages are told of whether they may, by where they come from."""

    def __init__(self, cors: Cors) -> None:
        also = [(b"access-control-allow-credentials", b"true")] if cors.credentials else []
        self._any: Headers = [(b"access-control-allow-origin", b"*")] if ANY in cors.origins else []
        self._by_origin: dict[bytes, Headers] = {
            origin.encode(): [(b"access-control-allow-origin", origin.encode()), *also]
            for origin in cors.origins
        }
        self.varies: Headers = [] if self._any else [ORIGIN]

    def to(self, headers: Headers) -> Headers:
        """The fields for who calls with these headers; none for whom it is not shared with."""
        origins = [value for name, value in headers if name == b"origin"]
        if len(origins) != 1:
            return []
        return self._any or self._by_origin.get(origins[0], [])
