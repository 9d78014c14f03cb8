"""A route's whole policy: a handler with layers around it, in an order that can be seen here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial, reduce
from typing import TYPE_CHECKING, Final

from gateway.access import AccessLog, noted
from gateway.aggregate.handler import aggregate
from gateway.behalf import Behalf
from gateway.cache import HttpCache
from gateway.cache.calls import READING
from gateway.call import Call, Handler, Layer
from gateway.commons import Commons
from gateway.compression import Workers
from gateway.forward import forward
from gateway.layers import (
    auth,
    body,
    cache,
    coalesce,
    compress,
    cors,
    deadline,
    mirror,
    retry,
    security_headers,
    shed,
    split,
    trace,
)
from gateway.layers.idempotency import once
from gateway.layers.limits import limited
from gateway.layers.metrics import Metrics
from gateway.layers.validation import described
from gateway.oidc import AccessTokens
from gateway.path import Template
from gateway.policies.compress import Compress
from gateway.policies.idempotency import Idempotency
from gateway.policies.priority import Priority
from gateway.policies.security_headers import SecurityHeaders
from gateway.policies.target import Target
from gateway.resilience import Resilience
from gateway.session import Sessions
from gateway.table import Auth, Limit, Route, Session
from gateway.upstream import Headers, Reply, Upstream
from gateway.websocket.passage import Passage

if TYPE_CHECKING:
    from kit.tracing.core import Tracing

__all__ = [
    "Call",
    "Handler",
    "Layer",
    "Means",
    "Reply",
    "handler",
    "layers",
    "passage",
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
        cache: keeps answers; None where no route asks for it.
        resilience: what routes share against overload and failure.
        explains: whether clients may see how an aggregate is joined.
        tracing: tells traces; None where nobody asks for them.
        access_log: has a line for every request; None where nobody asks for it.
        commons: what gateways have in common, and what goes on when its call has ended.
        compressing: compresses big answers.
        security_headers: what browsers are told with every answer, where a route does not say otherwise.
    """

    upstreams: Mapping[str, Upstream]
    behalf: Behalf
    metrics: Metrics
    access: AccessTokens | None = None
    sessions: Sessions | None = None
    cache: HttpCache | None = None
    resilience: Resilience = field(default_factory=Resilience)
    explains: bool = False
    tracing: "Tracing | None" = None
    access_log: AccessLog | None = None
    commons: Commons = field(default_factory=Commons)
    compressing: Workers = field(default_factory=Workers)
    security_headers: SecurityHeaders | None = None


def layers(route: Route, means: Means) -> list[Layer]:
    """What happens to a call on this route, from the outside in."""
    return [
        *([noted(route.name)] if means.access_log else []),
        *([trace.traced(means.tracing, route.path, route.template)] if means.tracing else []),
        trace.named(),
        means.metrics.counted(route.name),
        *_security_headers(route, means),
        *([cors.shared(route.cors)] if route.cors else []),
        *([_compress(route.compress, route, means)] if route.compress else []),
        *([body.at_most(route.body)] if route.body is not None else []),
        *_shed(route.priority, means),
        *([auth.counted(means.metrics.verdicts_of(route.auth))] if route.auth.tells_who else []),
        _auth(route, means),
        *([_limited(route.limit, route.id, route.name, means)] if route.limit else []),
        *([_once(route, route.idempotency, means)] if route.idempotency else []),
        *([_described(route, route.to, means)] if route.validates and route.to else []),
        *_cache(route, means),
        *_mirror(route, means),
        *_split(route, means),
        *([deadline.within(route.timeout)] if route.to else []),
        *_retry(route, means),
    ]


def _shed(priority: Priority, means: Means) -> list[Layer]:
    resilience = means.resilience
    if resilience.load is None:
        return []
    return [shed.unless_needed(priority, resilience.load, resilience.shed)]


def _mirror(route: Route, means: Means) -> list[Layer]:
    if route.mirror is None:
        return []
    shadow = _forward(route, route.mirror.to, means, also=[mirror.MARK])
    resilience = means.resilience
    count = resilience.mirrored_of(route.name)
    return [mirror.copied(route.mirror, shadow, route.timeout, resilience.shadows, count)]


def _split(route: Route, means: Means) -> list[Layer]:
    if route.split is None or route.to is None:
        return []
    return [split.between(route.split, split.side_of(route.to), means.resilience.split_of(route.name))]


def _retry(route: Route, means: Means) -> list[Layer]:
    if route.retry is None:
        return []
    return [retry.again(route.retry, route.timeout, means.resilience.retries_of(route.name))]


def preflight(route: Route, means: Means) -> Handler | None:
    """What answers browsers that ask before they send a call to this route; None where it is not shared."""
    if route.cors is None:
        return None
    outer = [
        *([noted(route.name)] if means.access_log else []),
        trace.named(),
        means.metrics.counted(route.name),
        *_security_headers(route, means),
    ]
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


def _cache(route: Route, means: Means) -> list[Layer]:
    """What is kept is answered from, and forgotten where it is changed: by calls on any route."""
    if means.cache is None:
        return []
    if route.cache is None:
        changes = not READING.issuperset(route.methods)
        return [cache.forgetting(route, means.cache)] if changes else []
    return [
        cache.cached(route, means.cache),
        *([coalesce.coalesced(route, means.cache)] if route.coalesce else []),
    ]


def _limited(limits: Sequence[Limit], place: str, name: str, means: Means) -> Layer:
    fell = partial(means.metrics.limits_fell_back, name)
    return limited(limits, place, shared=means.commons.counts, fell=fell)


def _once(route: Route, policy: Idempotency, means: Means) -> Layer:
    answers, running = means.commons.answers[policy.kept], means.commons.running
    timeout, count = route.timeout.total_seconds(), means.metrics.intents_of(route.name)
    return once(policy, route.id, answers, running, timeout=timeout, count=count)


def _described(route: Route, to: Target, means: Means) -> Layer:
    description = means.commons.description(means.upstreams[to.service])
    return described(description, route.target, means.metrics.validations_of(to.service))


def session_layers(path: str, session: Session, means: Means) -> list[Layer]:
    """What happens to a call on one of the session's endpoints, from the outside in: they ask who it is."""
    return [
        *([noted(path)] if means.access_log else []),
        *([trace.traced(means.tracing, path, Template.parse(path))] if means.tracing else []),
        trace.named(),
        means.metrics.counted(path),
        *([security_headers.added(means.security_headers)] if means.security_headers else []),
        *_shed(Priority.CRITICAL, means),
        *([_limited(session.limit, path, path, means)] if session.limit else []),
        deadline.within(PATIENCE),
    ]


def _sides(route: Route, stays: Target, means: Means) -> Handler:
    sides: dict[str | None, Handler] = {None: _forward(route, stays, means)}
    for choice in route.split or ():
        sides[split.side_of(choice.to)] = _forward(route, choice.to, means)
    return split.dispatched(sides) if route.split else sides[None]


def _forward(route: Route, target: Target, means: Means, also: Headers | None = None) -> Handler:
    """Sends a route's calls there, wherever else the route may lead."""
    there = route.model_copy(update={"to": target})
    return forward(there, means.upstreams[target.service], means.behalf, also)


def wrap(innermost: Handler, around: Iterable[Layer]) -> Handler:
    """The handler with layers around it; the first of them is the outermost."""
    return reduce(lambda inner, layer: layer(inner), reversed(list(around)), innermost)


def passage(route: Route, means: Means) -> Passage | None:
    """What passes the WebSockets of this route; None where none pass."""
    if route.websocket is None or route.to is None:
        return None
    to = means.upstreams[route.to.service]
    return Passage(route, route.websocket, to, means.behalf, means.metrics.sockets)


def handler(route: Route, means: Means, passage: Passage | None = None) -> Handler:
    """Everything that answers a call on this route; a handshake goes through the same layers."""
    if route.to:
        innermost = _sides(route, route.to, means)
    else:
        innermost = aggregate(route, means.upstreams, means.behalf, means.metrics, explains=means.explains)
    if passage:
        innermost = passage.or_else(innermost)
    return wrap(innermost, layers(route, means))
