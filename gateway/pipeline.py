"""A route's whole policy: a handler with layers around it, in an order that can be seen here."""

from collections.abc import Iterable, Mapping
from functools import reduce

from gateway.call import Call, Handler, Layer
from gateway.forward import forward
from gateway.layers import auth, deadline, trace
from gateway.table import Auth, Route
from gateway.upstream import Reply, Upstream
from kit.tokens import Verifier

__all__ = ["Call", "Handler", "Layer", "Reply", "handler", "layers", "wrap"]


def layers(route: Route, verifier: Verifier) -> list[Layer]:
    """What happens to a call on this route, from the outside in."""
    return [
        trace.named(),
        auth.bearer(verifier, route.scopes) if route.auth is Auth.BEARER else auth.anonymous(),
        deadline.within(route.timeout),
    ]


def wrap(innermost: Handler, around: Iterable[Layer]) -> Handler:
    """The handler with layers around it; the first of them is the outermost."""
    return reduce(lambda inner, layer: layer(inner), reversed(list(around)), innermost)


def handler(route: Route, upstreams: Mapping[str, Upstream], verifier: Verifier) -> Handler:
    """Everything that answers a call on this route."""
    return wrap(forward(route, upstreams[route.to.service]), layers(route, verifier))
