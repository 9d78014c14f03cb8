"""What travels through the gateway: a call, on its way through layers to a handler that gives a reply."""

import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.upstream import Headers, Reply, field
from kit.tokens import Identity

if TYPE_CHECKING:
    from gateway.websocket.client import ClientSocket


@dataclass(kw_only=True, slots=True)
class Call:
    """A client's request on a route. Layers may change `headers`, which go on to the service.

    Args:
        params: the decoded segments that the route's placeholders stand for.
        method: the HTTP method.
        query: the raw query, without the question mark.
        headers: as the client sent them, names in lower case.
        body: whole (mostly empty), or in chunks as they come.
        request_id: the name of this request in logs and answers.
        scheme: `http` or `https`, as the client spoke.
        peer: the address the client spoke from, as far as whoever stands between is trusted.
        identity: who is calling, once a layer has found it out; None where it was not asked.
        side: the service that a split leads it to; None where the route leads.
        seconds: how long the next try may take; None for the route's timeout.
        told: fields that the client is told with the answer, whatever becomes of the call.
        holds: while it is entered, what the call works with stays open: for what goes on when it has ended.
        socket: what opens when the call asks for a WebSocket; None when it does not.
    """

    params: Mapping[str, Sequence[str]]
    method: str
    query: bytes
    headers: Headers
    body: bytes | AsyncIterator[bytes]
    request_id: bytes
    scheme: str
    peer: str
    identity: Identity | None = None
    side: str | None = None
    seconds: float | None = None
    told: Headers = dataclasses.field(default_factory=list)
    holds: AbstractContextManager[object] = dataclasses.field(default_factory=nullcontext)
    socket: "ClientSocket | None" = None

    def header(self, name: bytes) -> bytes | None:
        """The first field of this name (in lower case)."""
        return field(self.headers, name)

    def replace(self, name: bytes, value: bytes | None) -> None:
        """Make this the only field of its name; None leaves none."""
        if field(self.headers, name) is not None:
            self.headers = [each for each in self.headers if each[0] != name]
        if value is not None:
            self.headers.append((name, value))


Handler = Callable[[Call], Awaitable[Reply]]
"""Takes a call and gives a reply; failures are `Problem` and `UpstreamError`."""

Layer = Callable[[Handler], Handler]
"""Puts one policy around a handler."""
