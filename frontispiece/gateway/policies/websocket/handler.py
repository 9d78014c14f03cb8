"""Answers a route's WebSocket handshakes: the service opens a WebSocket, and then so does the gateway."""

import asyncio
import ssl
from collections.abc import Sequence
from functools import cache, partial
from http import HTTPStatus
from random import shuffle
from typing import Final
from urllib.parse import SplitResult, urlsplit

from websockets.asyncio.client import ClientConnection
from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.http11 import Response
from websockets.typing import Subprotocol
from websockets.uri import WebSocketURI

from frontispiece.errors import ConfigError
from frontispiece.gateway.auth.internal_tokens import InternalTokenIssuer
from frontispiece.gateway.call import Call, Handler
from frontispiece.gateway.config.route import Auth, Route
from frontispiece.gateway.forward import DATED_HERE, LENGTH, to_client, to_service
from frontispiece.gateway.observability.metrics import Metrics
from frontispiece.gateway.policies.websocket.config import MOUNTED, WITHOUT_WEBSOCKETS, WebSocket
from frontispiece.gateway.policies.websocket.downstream import PROTOCOL, ClientSocket
from frontispiece.gateway.policies.websocket.relay import Relay
from frontispiece.gateway.policies.websocket.service_socket import MountedSocket, RemoteSocket, ServiceSocket
from frontispiece.gateway.resources import TableResources
from frontispiece.http.problems import Problem
from frontispiece.http.timeout_header import milliseconds
from frontispiece.pages import PageApp
from frontispiece.upstream import Headers, InvalidResponse, Reply, Unreachable, Upstream

PRIVATE_CODES: Final = 3000
"""From here on codes have any meaning and any number: they are counted together."""

HANDSHAKE_PREFIX: Final = b"sec-websocket-"
"""The prefix of header fields that concern one connection only."""

NOT_FORWARDED: Final = DATED_HERE | LENGTH
"""Fields of a service's response that the gateway sets itself, or that go no further."""

PING_INTERVAL: Final = 20.0
"""Seconds between two pings to a service, and those that a pong may take."""

CLOSE_TIMEOUT: Final = 5.0
"""Seconds that a service may take to answer a close frame."""

MAX_QUEUE: Final = 4
"""Frames of a service that may wait for the client; then nothing more is read."""


def for_route(route: Route, resources: TableResources) -> "WebSocketProxy | None":
    """The proxy of a route's WebSockets; None for a route without them."""
    if route.websocket is None or route.to is None:
        return None
    upstream = resources.upstreams[route.to.service]
    return WebSocketProxy(route, route.websocket, upstream, resources.tokens, resources.runtime.metrics)


class WebSocketProxy:
    """Proxies the WebSockets of one route to its service.

    Raises:
        ConfigError: WebSockets are not spoken at one of the service's addresses.
    """

    def __init__(
        self,
        route: Route,
        policy: WebSocket,
        upstream: Upstream,
        tokens: InternalTokenIssuer,
        metrics: Metrics,
    ) -> None:
        self._mounted = (
            upstream.app if isinstance(upstream.app, PageApp) and upstream.app.has_websockets else None
        )
        without = WITHOUT_WEBSOCKETS if self._mounted else (MOUNTED, *WITHOUT_WEBSOCKETS)
        if unfit := [url for url in upstream.addresses if url.startswith(without)]:
            raise ConfigError(
                [f"services: {upstream.name}: WebSockets are not spoken at {url}" for url in unfit]
            )
        self._route = route
        self._policy = policy
        self._service = upstream.name
        self._addresses = upstream.addresses
        self._tokens = tokens
        self._timeout = milliseconds(route.timeout.total_seconds())
        self._metrics = metrics
        metrics.open_websockets.setdefault(route.name, 0)
        self._connections = 0
        self._route_changed = asyncio.Event()

    def drain(self) -> None:
        """Close the WebSockets, one after the other, because the route is not the same any more."""
        self._route_changed.set()

    def wrap(self, inner: Handler) -> Handler:
        """Answers handshakes, and has the inner handler answer all other calls."""

        async def handle(call: Call) -> Reply:
            return await (inner(call) if call.socket is None else self._open(call, call.socket))

        return handle

    async def _open(self, call: Call, socket: ClientSocket) -> Reply:
        if self._connections >= self._policy.max_connections:
            detail = "There are too many WebSockets on this route: try again in 5 s."
            raise Problem(503, "too-many-websockets", detail, headers={"Retry-After": "5"})
        self._connections += 1
        try:
            connection = await self._connect(call, socket.subprotocols)
        except InvalidStatus as refusal:
            self._connections -= 1
            return _refusal(refusal)
        except BaseException:
            self._connections -= 1
            raise
        self._metrics.open_websockets[self._route.name] += 1
        return self._relay(socket, connection)

    def _relay(self, socket: ClientSocket, connection: ServiceSocket) -> Reply:
        name, metrics = self._route.name, self._metrics
        count_message = partial(metrics.websocket_messages.add, name)
        relay = Relay(socket, connection, self._policy, self._route_changed, count_message)

        async def release() -> None:
            self._connections -= 1
            metrics.open_websockets[name] -= 1
            code = relay.close_frame.code
            metrics.websockets_closed.add(name, str(code) if code < PRIVATE_CODES else "private")
            await relay.release()

        headers = [*connection.headers]
        if connection.subprotocol is not None:
            headers.append((PROTOCOL, connection.subprotocol.encode("latin-1")))
        return Reply(status=HTTPStatus.SWITCHING_PROTOCOLS, headers=headers, body=relay, release=release)

    async def _connect(self, call: Call, subprotocols: Sequence[str]) -> ServiceSocket:
        """Open a WebSocket at the first of the service's addresses, in random order, that is reachable.

        Raises:
            Unreachable: none is.
            InvalidResponse: the response is no handshake.
            InvalidStatus: the service refuses.
        """
        target = self._route.target.expand(call.params)
        headers = to_service(
            call,
            self._service,
            self._tokens,
            self._timeout,
            passthrough=self._route.auth is Auth.PASSTHROUGH,
        )
        headers = [field for field in headers if not field[0].startswith(HANDSHAKE_PREFIX)]
        if self._mounted is not None:
            return await MountedSocket(self._mounted).open(target, call.query, headers, subprotocols)
        addresses = [urlsplit(url.removeprefix("httpx+")) for url in self._addresses]
        shuffle(addresses)
        for address in addresses:
            protocol = ClientProtocol(
                _uri(address, target, call.query.decode("latin-1")),
                subprotocols=[Subprotocol(name) for name in subprotocols] or None,
                max_size=self._policy.max_message_size,
            )
            try:
                connection = await _connected(protocol)
            except OSError:
                continue
            await _handshake(connection, headers)
            assert connection.response is not None, "the service has opened the WebSocket"
            return RemoteSocket(connection, _to_client(connection.response))
        raise Unreachable("no connection could be made for a WebSocket")


def _uri(address: SplitResult, path: str, query: str) -> WebSocketURI:
    """Built, not parsed, so that the target stays as it is."""
    secure = address.scheme == "https"
    host = address.hostname or ""
    return WebSocketURI(secure, host, address.port or (443 if secure else 80), path, query)


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


async def _connected(protocol: ClientProtocol) -> ClientConnection:
    _, connection = await asyncio.get_running_loop().create_connection(
        lambda: ClientConnection(
            protocol,
            ping_interval=PING_INTERVAL,
            ping_timeout=PING_INTERVAL,
            close_timeout=CLOSE_TIMEOUT,
            max_queue=MAX_QUEUE,
        ),
        protocol.uri.host,
        protocol.uri.port,
        ssl=_tls() if protocol.uri.secure else None,
    )
    return connection


async def _handshake(connection: ClientConnection, headers: Headers) -> None:
    fields = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
    try:
        await connection.handshake(fields, None)
    except BaseException as failure:
        connection.transport.abort()
        if isinstance(failure, WebSocketException | OSError) and not isinstance(failure, InvalidStatus):
            raise InvalidResponse(f"it does not open a WebSocket: {failure}") from failure
        raise
    connection.start_keepalive()


def _refusal(refusal: InvalidStatus) -> Reply:
    response = refusal.response
    if response.status_code < HTTPStatus.BAD_REQUEST:
        raise InvalidResponse(f"it answered {response.status_code} and opened no WebSocket") from refusal
    return Reply.whole(response.status_code, bytes(response.body), _to_client(response))


def _to_client(response: Response) -> Headers:
    fields = response.headers.raw_items()
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in fields]
    headers = [field for field in headers if not field[0].startswith(HANDSHAKE_PREFIX)]
    return to_client(response.status_code, headers, NOT_FORWARDED)
