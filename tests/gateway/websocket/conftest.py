"""A gateway that passes WebSockets, in front of a service that has some."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.typing import Subprotocol

from gateway.app import Gateway
from tests.support.gateways import gateway_of
from tests.support.issuer import Issuer
from tests.support.serving import Serve, nobody_there
from tests.support.sockets import SocketService, url_of

ROUTES = """
[services.chat]
url = "registry://chat"

[services.gone]
url = "registry://gone"

[[routes]]
path = "/rooms/{room}"
to = "chat:/inner/{room}"
auth = "none"
websocket = { largest = "4KiB" }

[[routes]]
path = "/mine"
to = "chat"
auth = "bearer"
scopes = ["shop"]
websocket = {}

[[routes]]
path = "/own"
to = "chat"
auth = "service"
websocket = {}

[[routes]]
path = "/few"
to = "chat"
auth = "none"
websocket = { most = 1 }

[[routes]]
path = "/limited"
to = "chat"
auth = "none"
limit = { rate = "1/hour", by = "route" }
websocket = {}

[[routes]]
path = "/brief"
to = "chat"
auth = "none"
timeout = "200ms"
websocket = { idle = "50ms" }

[[routes]]
path = "/short"
to = "chat"
auth = "none"
websocket = { lasts = "50ms" }

[[routes]]
path = "/gone"
to = "gone"
auth = "none"
websocket = {}

[[routes]]
path = "/plain"
to = "chat"
auth = "none"
"""


@dataclass(frozen=True, kw_only=True)
class World:
    """A gateway with ROUTES, where it is, and the service behind it."""

    gateway: Gateway
    url: str
    chat: SocketService
    services: dict[str, str]

    def metric(self, name: str, **labels: str) -> float | None:
        """A number that operators see."""
        return self.gateway.metrics.registry.get_sample_value(name, labels)


def chosen(_socket: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """The subprotocol that the service wants."""
    return Subprotocol("v2") if "v2" in offered else None


@pytest.fixture
async def world(serve: Serve, issuer: Issuer, signing_key: str) -> AsyncIterator[World]:
    """The whole."""
    chat = SocketService()
    async with chat.serving(select_subprotocol=chosen) as server:
        services = {"chat": url_of(server), "gone": nobody_there()}
        gateway = gateway_of(ROUTES, services, key=signing_key, issuer=issuer)
        yield World(gateway=gateway, url=await serve(gateway), chat=chat, services=services)
