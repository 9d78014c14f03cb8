"""A route's whole policy: a handler with layers around it, in an order that can be seen here."""

from collections.abc import Iterable, Mapping
from functools import reduce

from gateway.aggregate.handler import aggregate
from gateway.call import Call, Handler, Layer
from gateway.forward import forward
from gateway.layers import auth, deadline, limit, trace
from gateway.layers.metrics import Metrics
from gateway.table import Auth, Route
from gateway.upstream import Reply, Upstream
from kit.tokens import Verifier

__all__ = ["Call", "Handler", "Layer", "Reply", "handler", "layers", "wrap"]


def layers(route: Route, verifier: Verifier, metrics: Metrics) -> list[Layer]:
    """What happens to a call on this route, from the outside in."""
    return [
        trace.named(),
        metrics.counted(route),
        auth.bearer(verifier, route.scopes) if route.auth is Auth.BEARER else auth.anonymous(),
        *([limit.at_most(route.limit)] if route.limit else []),
        *([deadline.within(route.timeout)] if route.to else []),
    ]


def wrap(innermost: Handler, around: Iterable[Layer]) -> Handler:
    """The handler with layers around it; the first of them is the outermost."""
    return reduce(lambda inner, layer: layer(inner), reversed(list(around)), innermost)


def handler(
    route: Route,
    upstreams: Mapping[str, Upstream],
    verifier: Verifier,
    metrics: Metrics,
    *,
    explains: bool = False,
) -> Handler:
    """Everything that answers a call on this route; an aggregate that `explains` shows how when asked to."""
    if route.to:
        innermost = forward(route, upstreams[route.to.service])
    else:
        innermost = aggregate(route, upstreams, metrics, explains=explains)
    return wrap(innermost, layers(route, verifier, metrics))
