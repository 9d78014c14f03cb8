"""WebSockets of an app in the gateway's process."""

import json

import pytest

from frontispiece.errors import ConfigError
from frontispiece.pages import PageApp
from tests.frontispiece.gateway.policies.websocket.test_handshake import problem_of
from tests.frontispiece.graphql.conftest import app_of, library_graph
from tests.support.sockets import ending, opened, refused
from tests.support.stub import Stub
from tests.support.tables import route, route_table
from tests.support.world import OpenWorld

ROUTES = route_table(route("/graphql", to="library:/graphql", methods=["GET", "POST"], websocket={}))
PROTOCOL = "graphql-transport-ws"


def library() -> PageApp:
    """An app with WebSockets."""
    return app_of(library_graph())


def plain() -> Stub:
    """An app without any."""
    return Stub()


async def test_messages_go_both_ways_until_either_end_closes(open_world: OpenWorld) -> None:
    world = await open_world(ROUTES, library=f"app://{__name__}:library")
    async with opened(world.url, "/graphql", subprotocols=[PROTOCOL]) as socket:
        assert socket.subprotocol == PROTOCOL
        await socket.send(json.dumps({"type": "connection_init"}))
        assert json.loads(await socket.recv()) == {"type": "connection_ack"}
        payload = {"query": "{ books(limit: 1) { title } }"}
        await socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": payload}))
        assert json.loads(await socket.recv())["payload"]["data"] == {"books": [{"title": "Book 1"}]}
        assert json.loads(await socket.recv()) == {"id": "1", "type": "complete"}
        await socket.send("nonsense")
        assert await ending(socket) == (4400, "Invalid message")


async def test_a_handshake_that_the_app_refuses_is_refused(open_world: OpenWorld) -> None:
    world = await open_world(ROUTES, library=f"app://{__name__}:library")

    assert problem_of(await refused(world.url, "/graphql")) == (403, "websocket-refused")


async def test_an_app_without_websockets_is_refused(open_world: OpenWorld) -> None:
    with pytest.raises(ConfigError, match="WebSockets are not spoken at app://"):
        await open_world(ROUTES, library=f"app://{__name__}:plain")
