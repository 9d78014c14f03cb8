"""The timeout of a route: how long a call waits for its response to begin."""

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from frontispiece.gateway.call import Call, Handler, Layer
from frontispiece.http.messages import whole_or_stream
from frontispiece.upstream import Reply
from frontispiece.upstream.outcome import response_deadline

if TYPE_CHECKING:
    from frontispiece.gateway.config.route import Route
    from frontispiece.gateway.resources import TableResources


def for_route(route: "Route", _resources: "TableResources") -> Iterator[Layer]:
    """The layer of a route to one service that has several attempts, or passes WebSockets.

    The one attempt of any other keeps the timeout itself (`Request.timeout`), and so does an aggregate.
    """
    if route.to and (route.retry or route.websocket):
        yield timeout_layer(route.timeout)


def for_endpoint(route: "Route", _resources: "TableResources") -> Iterator[Layer]:
    """The layer of an endpoint of the gateway's own."""
    yield timeout_layer(route.timeout)


def timeout_layer(limit: timedelta) -> Layer:
    """Cancel a call whose response has not begun in time, which is a `TimedOut`.

    A body has as long, and the service its time from the body's end on. A body that is late is the client's
    failure: 408, which says nothing against the service.
    """
    seconds = limit.total_seconds()

    def layer(inner: Handler) -> Handler:
        async def handle(call: Call) -> Reply:
            call.body = body = whole_or_stream(call.body)
            with response_deadline(body, seconds):
                return await inner(call)

        return handle

    return layer
