"""Refusals that no route's layers have seen, and bodies that break off: their headers, their log."""

import logging
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

from frontispiece.gateway.config.route import Route
from frontispiece.gateway.policies.cors import AllowedOrigins
from frontispiece.gateway.policies.security_headers import SecurityHeaders, effective_policy
from frontispiece.http.messages import ResponseBrokeOff
from frontispiece.http.problems import Problem
from frontispiece.upstream import Headers, UpstreamError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RefusalHeaders:
    """What a route adds to every response: its CORS and security headers."""

    cors: AllowedOrigins | None = None
    security: SecurityHeaders | None = None

    @classmethod
    def of(cls, route: Route, security: SecurityHeaders | None) -> "RefusalHeaders":
        """Those of a route, in a table with these security headers."""
        cors = AllowedOrigins(route.cors) if route.cors else None
        return cls(cors, effective_policy(route, security))


def headers_of_refusal(at_path: Iterable[RefusalHeaders], headers: Headers, *, secure: bool) -> Headers:
    """The headers of a refusal at a path.

    The security headers are those of the first route there, the CORS headers those of the first route that
    allows the origin.

    Args:
        at_path: of each route there, that of the request's method first.
        headers: of the request, as far as they have been read.
        secure: whether the client spoke https.
    """
    routes = [*at_path]
    security = routes[0].security if routes else None
    added = security.fields(secure=secure) if security else []
    shared = [route.cors for route in routes if route.cors]
    if vary := next((cors.vary for cors in shared if cors.vary), None):
        added += vary
    return added + next(filter(None, (cors.response_headers(headers) for cors in shared)), [])


async def reported(chunks: AsyncIterator[bytes], name: bytes) -> AsyncIterator[bytes]:
    """The chunks; when they break off, it is too late for a problem, and the connection is closed."""
    try:
        async for chunk in chunks:
            yield chunk
    except (UpstreamError, Problem) as failure:
        log.warning("request %s: the response broke off: %s", name.decode(), failure)
        raise ResponseBrokeOff from failure
