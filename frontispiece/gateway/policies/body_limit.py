"""The maximum size of a request's body."""

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

from frontispiece.gateway.call import Call, Handler, Layer
from frontispiece.http.problems import Problem
from frontispiece.units import format_size
from frontispiece.upstream import Reply

if TYPE_CHECKING:
    from frontispiece.gateway.config.route import Route
    from frontispiece.gateway.resources import TableResources


def for_route(route: "Route", _resources: "TableResources") -> Iterator[Layer]:
    """The layer of a route that limits the size of a request's body."""
    if route.max_body_size is not None:
        yield body_limit_layer(route.max_body_size)


def body_limit_layer(max_size: int) -> Layer:
    """Refuse longer bodies: unread where `Content-Length` says so, otherwise as soon as too much has come.

    A service never sees the end of a body that is cut off, so that it cannot take it for a whole one.
    """

    def layer(inner: Handler) -> Handler:
        async def handle(call: Call) -> Reply:
            limit_body(call, max_size)
            return await inner(call)

        return handle

    return layer


def limit_body(call: Call, max_size: int) -> None:
    """Refuse a longer body now, or when it is read.

    Raises:
        Problem: 413.
    """
    if isinstance(call.body, bytes):
        length = len(call.body)
    elif (declared := call.header(b"content-length")) is not None:
        length = int(declared)
    else:
        call.body = _limited(call.body, max_size)
        return
    if length > max_size:
        raise _too_large(max_size)


async def _limited(body: AsyncIterator[bytes], max_size: int) -> AsyncIterator[bytes]:
    remaining = max_size
    async for chunk in body:
        remaining -= len(chunk)
        if remaining < 0:
            raise _too_large(max_size)
        yield chunk


def _too_large(max_size: int) -> Problem:
    detail = f"A body has at most {format_size(max_size)} here."
    return Problem(413, "body-too-large", detail, limit=max_size)
