"""The service's end of a WebSocket: found at one of its addresses, and asked for there."""

import asyncio
import ssl
from collections.abc import Sequence
from functools import cache
from random import shuffle
from typing import Final
from urllib.parse import SplitResult, urlsplit

from websockets.asyncio.client import ClientConnection
from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.typing import Subprotocol
from websockets.uri import WebSocketURI

from gateway.policies.websocket import UNFIT
from gateway.upstream import Headers, Nonsense, Unreachable, Upstream
from kit.faults import Faulty

PING: Final = 20.0
"""Seconds between two pings, and those that a pong may take."""

CLOSING: Final = 5.0
"""Seconds in which a service may answer that it has understood the end."""

QUEUED: Final = 4
"""Frames that may wait for the client; then nothing more is read."""


class Service:
    """Where WebSockets of a service are asked for.

    Args:
        upstream: the service.

    Raises:
        Faulty: nobody speaks WebSockets at one of its addresses.
    """

    def __init__(self, upstream: Upstream) -> None:
        if unfit := [url for url in upstream.addresses if url.startswith(UNFIT)]:
            raise Faulty([f"services: {upstream.name}: nobody speaks WebSockets at {url}" for url in unfit])
        self._addresses = [urlsplit(url.removeprefix("httpx+")) for url in upstream.addresses]

    async def open(
        self, target: str, headers: Headers, subprotocols: Sequence[str], largest: int
    ) -> ClientConnection:
        """A WebSocket, at one of the addresses at which somebody is.

        Raises:
            Unreachable: nobody is at any of them.
            Nonsense: what was answered is no handshake.
            InvalidStatus: the service refuses, and says why.
        """
        addresses = [*self._addresses]
        shuffle(addresses)
        for address in addresses:
            protocol = ClientProtocol(
                _uri(address, target),
                subprotocols=[Subprotocol(each) for each in subprotocols] or None,
                max_size=largest,
            )
            try:
                connection = await _connected(protocol)
            except OSError:
                continue
            return await _shaken(connection, headers)
        raise Unreachable("no connection could be made for a WebSocket")


def _uri(address: SplitResult, target: str) -> WebSocketURI:
    """Built and not parsed, for the target is to stay as it is."""
    secure = address.scheme == "https"
    path, _, query = target.partition("?")
    host = address.hostname or ""
    return WebSocketURI(secure, host, address.port or (443 if secure else 80), path, query)


@cache
def _trusted() -> ssl.SSLContext:
    return ssl.create_default_context()


async def _connected(protocol: ClientProtocol) -> ClientConnection:
    _, connection = await asyncio.get_running_loop().create_connection(
        lambda: ClientConnection(
            protocol, ping_interval=PING, ping_timeout=PING, close_timeout=CLOSING, max_queue=QUEUED
        ),
        protocol.uri.host,
        protocol.uri.port,
        ssl=_trusted() if protocol.uri.secure else None,
    )
    return connection


async def _shaken(connection: ClientConnection, headers: Headers) -> ClientConnection:
    fields = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
    try:
        await connection.handshake(fields, None)
    except InvalidStatus:
        connection.transport.abort()
        raise
    except (WebSocketException, OSError) as failure:
        connection.transport.abort()
        raise Nonsense(f"it does not open a WebSocket: {failure}") from failure
    except BaseException:
        connection.transport.abort()
        raise
    connection.start_keepalive()
    return connection
