"""What answers the handshakes of a route: its service opens a WebSocket, and then so does the gateway."""

import asyncio
from http import HTTPStatus
from typing import Final

from websockets.asyncio.client import ClientConnection
from websockets.datastructures import Headers as Fields
from websockets.exceptions import InvalidStatus

from gateway.behalf import Behalf
from gateway.call import Call, Handler
from gateway.forward import end_to_end, to_service
from gateway.policies.websocket import WebSocket
from gateway.table import Auth, Route
from gateway.upstream import Headers, Nonsense, Reply, Upstream
from gateway.websocket.client import PROTOCOL, ClientSocket
from gateway.websocket.counts import SocketCounts
from gateway.websocket.relay import Relay
from gateway.websocket.service import Service
from kit.problems import Problem
from kit.timing import milliseconds

OF_THE_HANDSHAKE: Final = b"sec-websocket-"
"""How fields begin that concern one connection only."""

NOT_PASSED: Final = frozenset({b"content-length", b"date"})
"""What is told anew with a service's refusal."""

COMES_AGAIN: Final = {"Retry-After": "5"}


class Passage:
    """Passes the WebSockets of one route to its service.

    Args:
        route: the route.
        policy: how many, how long and how big.
        upstream: the service.
        behalf: tells it who is calling.
        counts: the numbers of all routes.

    Raises:
        Faulty: the service is nowhere where WebSockets are spoken.
    """

    def __init__(
        self, route: Route, policy: WebSocket, upstream: Upstream, behalf: Behalf, counts: SocketCounts
    ) -> None:
        self._route = route
        self._policy = policy
        self._name = upstream.name
        self._service = Service(upstream)
        self._behalf = behalf
        self._vouched = route.auth is Auth.SERVICE
        self._patience = milliseconds(route.timeout.total_seconds())
        self._counts = counts.of(route.name)
        self._taken = 0
        self._changed = asyncio.Event()

    def retire(self) -> None:
        """The route is no more what it was: its WebSockets end, one after the other."""
        self._changed.set()

    def or_else(self, inner: Handler) -> Handler:
        """Answers handshakes; all other calls go on."""

        async def handle(call: Call) -> Reply:
            return await (inner(call) if call.socket is None else self._open(call, call.socket))

        return handle

    async def _open(self, call: Call, socket: ClientSocket) -> Reply:
        if self._taken >= self._policy.most:
            detail = "There are too many WebSockets on this route: come again in 5 s."
            raise Problem(503, "too-many-websockets", detail, headers=COMES_AGAIN)
        self._taken += 1
        try:
            service = await self._service.open(
                self._target(call), self._headers(call), socket.offered, self._policy.largest
            )
        except InvalidStatus as refusal:
            self._taken -= 1
            return _refused(refusal)
        except BaseException:
            self._taken -= 1
            raise
        self._counts.opened()
        return self._relayed(socket, service)

    def _relayed(self, socket: ClientSocket, service: ClientConnection) -> Reply:
        relay = Relay(socket, service, self._policy, self._changed, self._counts.message)

        async def release() -> None:
            self._taken -= 1
            self._counts.closed(relay.ending.code)
            await relay.release()

        assert service.response is not None, "it has opened the WebSocket"
        headers = _end_to_end(service.response.headers)
        if service.subprotocol is not None:
            headers.append((PROTOCOL, service.subprotocol.encode("latin-1")))
        return Reply(status=HTTPStatus.SWITCHING_PROTOCOLS, headers=headers, body=relay, release=release)

    def _target(self, call: Call) -> str:
        target = self._route.target.expand(call.params)
        return f"{target}?{call.query.decode('latin-1')}" if call.query else target

    def _headers(self, call: Call) -> Headers:
        headers = to_service(call, self._name, self._behalf, self._patience, vouched=self._vouched)
        return [field for field in headers if not field[0].startswith(OF_THE_HANDSHAKE)]


def _refused(refusal: InvalidStatus) -> Reply:
    response = refusal.response
    if response.status_code < HTTPStatus.BAD_REQUEST:
        raise Nonsense(f"it answered {response.status_code} and opened no WebSocket") from refusal
    return Reply.whole(response.status_code, bytes(response.body), _end_to_end(response.headers))


def _end_to_end(fields: Fields) -> Headers:
    headers = [
        (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in fields.raw_items()
    ]
    return [
        field
        for field in end_to_end(headers)
        if field[0] not in NOT_PASSED and not field[0].startswith(OF_THE_HANDSHAKE)
    ]
