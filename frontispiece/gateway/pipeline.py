"""What happens to a call on a route: its layers, in an order that can be seen here, around its handler."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import reduce
from typing import Final

from frontispiece.gateway import own_layers
from frontispiece.gateway.aggregates.handler import aggregate
from frontispiece.gateway.auth import layers as auth
from frontispiece.gateway.auth.session.sessions import Endpoint
from frontispiece.gateway.call import Call, Handler, Layer
from frontispiece.gateway.config.route import Auth, Route
from frontispiece.gateway.config.session import Session
from frontispiece.gateway.files.config import mount_of
from frontispiece.gateway.files.handler import redirect_to, serve_files
from frontispiece.gateway.files.site import Site
from frontispiece.gateway.grpc.decisions import decide
from frontispiece.gateway.observability import metrics, tracing
from frontispiece.gateway.observability.access_log import record as access_log
from frontispiece.gateway.policies import (
    body_limit,
    cors,
    load_shedding,
    mirror,
    protected_resource,
    retry,
    security_headers,
    timeout,
    traffic_split,
)
from frontispiece.gateway.policies.cache import layer as cache
from frontispiece.gateway.policies.compression import layer as compression
from frontispiece.gateway.policies.idempotency import layer as idempotency
from frontispiece.gateway.policies.load_shedding import Priority
from frontispiece.gateway.policies.rate_limit import layer as rate_limit
from frontispiece.gateway.policies.request_validation import layer as request_validation
from frontispiece.gateway.policies.websocket.handler import WebSocketProxy
from frontispiece.gateway.resources import TableResources
from frontispiece.upstream import Reply

Policy = Callable[[Route, TableResources], Iterable[Layer]]
"""The layers of one policy for a route: none where the route does not ask for it."""

SESSION_TIMEOUT: Final = "10s"
"""The timeout of the session's own endpoints, which may have to call the issuer."""


POLICIES: Final[Mapping[str, Policy]] = {
    "access_log": access_log.for_route,
    "tracing": tracing.for_route,
    "metrics": metrics.for_route,
    "security_headers": security_headers.for_route,
    "cors": cors.for_route,
    "compression": compression.for_route,
    "body_limit": body_limit.for_route,
    "load_shedding": load_shedding.for_route,
    "protected_resource": protected_resource.for_route,
    "auth": auth.for_route,
    "rate_limit": rate_limit.for_route,
    "idempotency": idempotency.for_route,
    "request_validation": request_validation.for_route,
    "cache": cache.for_route,
    "mirror": mirror.for_route,
    "traffic_split": traffic_split.for_route,
    "timeout": timeout.for_route,
    "retry": retry.for_route,
}
"""What may happen to a call on a route, from the outside in; a project's own layers stand between these."""


def layers(route: Route, resources: TableResources) -> list[tuple[str, Layer]]:
    """What happens to a call on this route, from the outside in, by the names of policies and own layers."""
    placed = own_layers.placed(POLICIES, resources.runtime.own_layers)
    return [(name, layer) for name, policy in placed for layer in policy(route, resources)]


def handler(
    route: Route,
    resources: TableResources,
    around: Iterable[tuple[str, Layer]],
    websockets: WebSocketProxy | None = None,
    site: Site | None = None,
) -> Handler:
    """Everything that answers a call on this route; a WebSocket's handshake goes through the same layers."""
    if route.is_native:
        innermost = decide(route, resources)
    elif site:
        innermost = serve_files(route, site, resources.table.security_headers)
    else:
        innermost = traffic_split.forward(route, resources) if route.to else aggregate(route, resources)
    if websockets:
        innermost = websockets.wrap(innermost)
    return wrap(innermost, (layer for _, layer in around))


def redirect(route: Route, resources: TableResources) -> Handler:
    """Answers calls on the path of a route for files that lack the slash at its end."""
    around = (layer for _, layer in layers(route, resources))
    answer = wrap(redirect_to(mount_of(route.template) or "/"), around)
    *_, rest = route.template.names

    def handle(call: Call) -> Awaitable[Reply]:
        call.params = {**call.params, rest: ()}  # layers expand the template of the route
        return answer(call)

    return handle


def preflight(route: Route, resources: TableResources) -> Handler | None:
    """Answers the CORS preflights of a route; None where pages of other origins may not call it."""
    if route.cors is None:
        return None
    around = _layers(
        route,
        resources,
        access_log.for_route,
        metrics.for_route,
        security_headers.for_route,
    )
    return wrap(cors.preflight(route.cors, route.methods), around)


def session_endpoint(endpoint: Endpoint, session: Session, resources: TableResources) -> Handler:
    """Answers calls on one of the session's own endpoints, which find out themselves who is calling."""
    written = {
        "path": session.path + endpoint.suffix,
        "methods": [endpoint.method],
        "to": "session",
        "auth": Auth.PASSTHROUGH,
        "rate_limit": session.rate_limit,
        "priority": Priority.CRITICAL,
        "timeout": SESSION_TIMEOUT,
    }
    route = Route.model_validate(written)
    around = _layers(
        route,
        resources,
        access_log.for_route,
        tracing.for_route,
        metrics.for_route,
        security_headers.for_route,
        load_shedding.for_route,
        rate_limit.for_route,
        timeout.for_endpoint,
    )
    return wrap(endpoint.handler, around)


def wrap(innermost: Handler, around: Iterable[Layer]) -> Handler:
    """The handler with layers around it; the first of them is the outermost."""
    return reduce(lambda inner, layer: layer(inner), reversed(list(around)), innermost)


def _layers(route: Route, resources: TableResources, *policies: Policy) -> list[Layer]:
    return [layer for policy in policies for layer in policy(route, resources)]
