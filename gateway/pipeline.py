"""A route's whole policy: a handler with layers around it, in an order that can be seen here."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import reduce
from typing import Final

from gateway.aggregate.handler import aggregate
from gateway.behalf import Behalf
from gateway.call import Call, Handler, Layer
from gateway.compression import Workers
from gateway.forward import forward
from gateway.layers import auth, body, compress, cors, deadline, limit, security_headers, trace
from gateway.layers.metrics import Metrics
from gateway.oidc import AccessTokens
from gateway.policies.compress import Compress
from gateway.policies.security_headers import SecurityHeaders
from gateway.session import Sessions
from gateway.table import Auth, Route, Session
from gateway.upstream import Reply, Upstream

__all__ = [
    "Call",
    "Handler",
    "Layer",
    "Means",
    "Reply",
    "handler",
    "layers",
    "preflight",
    "session_layers",
    "wrap",
]

PATIENCE: Final = timedelta(seconds=10)
"""Until the session's own endpoints have answered: they may have to ask the issuer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Means:
    """What the handlers of one gateway work with.

    Args:
        upstreams: every service of the table, by name.
        behalf: tells services who is calling.
        metrics: count.
        access: tells true access tokens from false ones; None where no route asks for them.
        sessions: those of browsers; None where there are none.
        explains: whether clients may see how an aggregate is joined.
        compressing: compresses big answers.
        security_headers: what browsers are told with every answer, where a route does not say otherwise.
    """

    upstreams: Mapping[str, Upstream]
    behalf: Behalf
    metrics: Metrics
    access: AccessTokens | None = None
    sessions: Sessions | None = None
    explains: bool = False
    compressing: Workers = field(default_factory=Workers)
    security_headers: SecurityHeaders | None = None


def layers(route: Route, means: Means) -> list[Layer]:
    """What happens to a call on this route, from the outside in."""
    return [
        trace.named(),
        means.metrics.counted(route.name),
        *_security_headers(route, means),
        *([cors.shared(route.cors)] if route.cors else []),
        *([_compress(route.compress, route, means)] if route.compress else []),
        *([body.at_most(route.body)] if route.body is not None else []),
        *([auth.counted(means.metrics.verdicts_of(route.auth))] if route.auth.tells_who else []),
        _auth(route, means),
        *([limit.at_most(route.limit)] if route.limit else []),
        *([deadline.within(route.timeout)] if route.to else []),
    ]


def preflight(route: Route, means: Means) -> Handler | None:
    """What answers browsers that ask before they send a call to this route; None where it is not shared."""
    if route.cors is None:
        return None
    outer = [trace.named(), means.metrics.counted(route.name), *_security_headers(route, means)]
    return wrap(cors.preflight(route.cors, route.methods), outer)


def _security_headers(route: Route, means: Means) -> list[Layer]:
    """Those of the table, changed by the route's own."""
    if not (own := route.security_headers):
        own = None if own is False else means.security_headers
    elif means.security_headers:
        own = means.security_headers.changed_by(own)
    return [security_headers.added(own)] if own else []


def _compress(policy: Compress, route: Route, means: Means) -> Layer:
    return compress.compressed(policy, means.compressing, credentials_pass=route.auth is Auth.SERVICE)


def _auth(route: Route, means: Means) -> Layer:
    """The one layer that says who is calling, or that nobody asks."""
    match route.auth:
        case Auth.NONE:
            return auth.anonymous()
        case Auth.SERVICE:
            return auth.passed()
        case Auth.BEARER:
            assert means.access is not None, "whoever serves the table has an issuer for it"
            return auth.bearer(means.access, route.scopes, guest=route.guest)
        case Auth.SESSION:
            assert means.sessions is not None, "the table has a section for it"
            return means.sessions.layer(route.scopes, guest=route.guest)


def session_layers(path: str, session: Session, means: Means) -> list[Layer]:
    """What happens to a call on one of the session's endpoints, from the outside in: they ask who it is."""
    return [
        trace.named(),
        means.metrics.counted(path),
        *([security_headers.added(means.security_headers)] if means.security_headers else []),
        *([limit.at_most(session.limit)] if session.limit else []),
        deadline.within(PATIENCE),
    ]


def wrap(innermost: Handler, around: Iterable[Layer]) -> Handler:
    """The handler with layers around it; the first of them is the outermost."""
    return reduce(lambda inner, layer: layer(inner), reversed(list(around)), innermost)


def handler(route: Route, means: Means) -> Handler:
    """Everything that answers a call on this route."""
    if route.to:
        innermost = forward(route, means.upstreams[route.to.service], means.behalf)
    else:
        innermost = aggregate(route, means.upstreams, means.behalf, means.metrics, explains=means.explains)
    return wrap(innermost, layers(route, means))
