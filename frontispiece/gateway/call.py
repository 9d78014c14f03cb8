"""A call on its way through layers to a handler, and the types of both."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from msgspec import Struct

from frontispiece.gateway.observability.clients import Client
from frontispiece.security import Identity
from frontispiece.upstream import Headers, Reply, field

if TYPE_CHECKING:
    from frontispiece.gateway.policies.websocket.downstream import ClientSocket


class Call(Struct, kw_only=True, eq=False):
    """A client's request on a route. Layers may change `headers`, which are forwarded to the service.

    Attributes:
        params: the normalised path segments of the route's placeholders, percent-encoded.
        method: the HTTP method.
        query: the raw query, without the question mark.
        headers: as the client sent them, names in lower case.
        body: whole (mostly empty), or in chunks as they come.
        request_id: identifies the request in logs, services and the response.
        scheme: `http` or `https`, as the client spoke.
        client: what sends it, as its `X-Client` says; None without one.
        client_ip: the client's address, as far as the proxies between are trusted.
        identity: the caller, once the authentication layer knows; None on routes that do not ask.
        variant: the service that a traffic split has chosen; None for the route's own.
        per_try_timeout: seconds that the next try may take; None for the route's timeout.
        response_headers: sent with the response, whatever becomes of the call.
        send_interim: sends the client an interim response (1xx) before that; None where nobody waits for one.
        lease: while it is entered, the services of the call's table stay open: for work that outlives it.
        socket: opened when the call is a WebSocket's handshake; None for other calls.
    """

    params: Mapping[str, Sequence[str]]
    method: str
    query: bytes
    headers: Headers
    body: bytes | AsyncIterator[bytes]
    request_id: bytes
    scheme: str
    client_ip: str
    client: Client | None = None
    identity: Identity | None = None
    variant: str | None = None
    per_try_timeout: float | None = None
    response_headers: Headers = []
    send_interim: Callable[[int, Headers], None] | None = None
    lease: AbstractContextManager[object] = nullcontext()
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
