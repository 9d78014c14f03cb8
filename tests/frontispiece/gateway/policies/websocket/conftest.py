"""A gateway that passes WebSockets, in front of a service that has some."""

from collections.abc import AsyncIterator, Sequence
from typing import cast

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.typing import Subprotocol

from tests.support import world as support
from tests.support.sockets import SocketService, url_of
from tests.support.tables import route, route_table
from tests.support.world import OpenWorld

ROUTES = route_table(
    route("/rooms/{room}", to="chat:/inner/{room}", websocket={"max_message_size": "4KiB"}),
    route("/mine", to="chat", auth="bearer", scopes=["shop"], websocket={}),
    route("/own", to="chat", auth="passthrough", websocket={}),
    route("/few", to="chat", websocket={"max_connections": 1}),
    route("/limited", to="chat", rate_limit={"rate": "1/hour", "by": "route"}, websocket={}),
    route("/idle", to="chat", websocket={"idle_timeout": "50ms"}),
    route("/late", to="chat", timeout="50ms", websocket={}),
    route("/short", to="chat", websocket={"max_duration": "50ms"}),
    route("/gone", to="gone", websocket={}),
    route("/plain", to="chat"),
)


class World(support.World):
    """A world whose `chat` speaks WebSocket."""

    chat: SocketService


def chosen(_socket: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """The subprotocol that the service wants."""
    return Subprotocol("v2") if "v2" in offered else None


@pytest.fixture
async def world(open_world: OpenWorld) -> AsyncIterator[World]:
    """A gateway with `ROUTES`, in front of `chat`."""
    chat = SocketService()
    async with chat.serving(select_subprotocol=chosen) as server:
        opened = await open_world(ROUTES, chat=url_of(server))
        opened.stubs["chat"] = chat
        yield cast(World, opened)
