"""The innermost handler of an aggregate: a page's endpoint, with what services tell caches merged."""

from collections.abc import Mapping
from urllib.parse import parse_qs

from gateway.aggregate.asking import Asking
from gateway.aggregate.compile import plan_of
from gateway.behalf import Behalf
from gateway.call import Call, Handler
from gateway.layers.metrics import Metrics
from gateway.page.endpoint import Endpoint
from gateway.table import Route
from gateway.upstream import Context, Reply, Upstream, now


def aggregate(
    route: Route, upstreams: Mapping[str, Upstream], behalf: Behalf, metrics: Metrics, *, explains: bool
) -> Handler:
    """Join the parts of a route into one answer.

    Args:
        route: one with parts.
        upstreams: every service, by name.
        behalf: tells each service who is calling.
        metrics: where is counted which parts degraded.
        explains: whether clients may see what happens inside.
    """
    endpoint = Endpoint(plan_of(route), {Asking: lambda inbound: inbound}, app="gateway", explains=explains)
    metrics.look_at(route.name, endpoint.program)
    seconds = route.timeout.total_seconds()
    takes_query = any(part.query for part in (route.parts or {}).values())

    async def handle(call: Call) -> Reply:
        query = call.query.decode("latin-1") if takes_query else ""
        asking = Asking(
            headers=call.headers,
            path={name: values[0] for name, values in call.params.items()},
            query=parse_qs(query, keep_blank_values=True) if query else {},
            context=Context.of(call.headers, now() + seconds, behalf.of(call.identity)),
            upstreams=upstreams,
        )
        reply = await endpoint.reply(asking, b"")
        told = {name for name, _ in reply.headers}
        if b"cache-control" not in told:  # which a timeline and an answer in pieces have: nobody keeps them
            personal = call.identity is not None
            reply.headers += asking.heard.headers(degraded=b"page-degraded" in told, personal=personal)
        return reply

    return handle
