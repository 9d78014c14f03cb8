"""A world for native gRPC: a gateway and Envoy before a service that streams."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from operator import methodcaller
from pathlib import Path
from typing import Any

import grpc

from frontispiece.cli.run.envoy import running_envoy
from frontispiece.gateway.edge import Gateway
from frontispiece.gateway.grpc.data_plane import DataPlane
from frontispiece.gateway.grpc.decisions import Decisions
from frontispiece.server.server import Server, running
from frontispiece.server.sockets import address, bound
from frontispiece.server.supervisor import Supervisor
from tests.frontispiece.gateway.grpc.library import SERVICE, descriptors, table_with
from tests.support.serving import free_ports, nobody_there
from tests.support.tables import route, route_table
from tests.support.world import gateway_of

BOOK = descriptors().find("Library.GetBook").returns
FIND = descriptors().find("Library.WatchBooks").takes
ROUTE = route(f"/{SERVICE}/{{method}}", to="grpc://library", auth="bearer", scopes=["shop"], timeout="20s")


class Greeter:
    """A service that streams either way; what it was called with is there."""

    def __init__(self) -> None:
        self.metadata: list[tuple[str, Any]] = []
        self.seconds: float | None = None
        self.goes_on = asyncio.Event()
        self.fails = False

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        kinds = {
            "GetBook": grpc.unary_unary_rpc_method_handler(
                self._get, BOOK.FromString, BOOK.SerializeToString
            ),
            "WatchBooks": grpc.unary_stream_rpc_method_handler(
                self._watch, FIND.FromString, BOOK.SerializeToString
            ),
            "SendBooks": grpc.stream_unary_rpc_method_handler(
                self._count, BOOK.FromString, BOOK.SerializeToString
            ),
            "TradeBooks": grpc.stream_stream_rpc_method_handler(
                self._echo, BOOK.FromString, BOOK.SerializeToString
            ),
        }
        server = grpc.aio.server()
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, kinds),))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            yield f"127.0.0.1:{port}"
        finally:
            await server.stop(None)

    def named(self, name: str) -> list[Any]:
        return [value for known, value in self.metadata if known == name]

    async def _get(self, request: Any, context: Any) -> Any:
        self.metadata = list(context.invocation_metadata())
        if self.fails:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "It is being started.")
        self.seconds = context.time_remaining()
        if request.name == "slow":
            await self.goes_on.wait()
        await context.send_initial_metadata((("x-shelf", "7"),))
        context.set_trailing_metadata((("x-left", "3"),))
        return request

    async def _watch(self, request: Any, _context: Any) -> AsyncIterator[Any]:
        for tag in request.tags:
            yield BOOK(name=tag)

    async def _count(self, requests: Any, _context: Any) -> Any:
        return BOOK(copies=len([each async for each in requests]))

    async def _echo(self, requests: Any, _context: Any) -> AsyncIterator[Any]:
        async for each in requests:
            yield each


class World:
    """A gateway and Envoy, and a channel to it."""

    def __init__(self, gateway: Gateway, data_plane: DataPlane, where: str, url: str) -> None:
        self.gateway, self.data_plane, self.url = gateway, data_plane, url
        self.where = where
        self.channel = grpc.aio.insecure_channel(where)

    def method(self, name: str, kind: str = "unary_unary") -> Any:
        encode = methodcaller("SerializeToString")
        return getattr(self.channel, kind)(f"/{SERVICE}/{name}", encode, BOOK.FromString)

    async def serve(self, *routes: Any, **service: Any) -> None:
        assert await self.gateway.serve_table(table_with(self.data_plane.folder.parent, *routes, **service))


@asynccontextmanager
async def native_world(folder: Path, services: dict[str, str], **gateway: Any) -> AsyncIterator[World]:
    """The world; its first table has no native route.

    Args:
        folder: for its files.
        services: where services are.
        gateway: see `gateway_of`.
    """
    made = gateway_of(route_table(route("/a", to="b")), {"b": nobody_there(), **services}, **gateway)
    where = f"127.0.0.1:{free_ports()}"
    made.runtime.data_plane = plane = DataPlane(folder / "plane", where)
    public = bound()
    url = f"http://{address(public)}"
    servers = [(Server("gateway", made), public), (Server("decisions", Decisions(made)), plane.listen())]
    async with running(servers):
        with running_envoy(plane.prepare(), folder / "envoy.log", Supervisor()):
            world = World(made, plane, where, url)
            await asyncio.wait_for(world.channel.channel_ready(), 60)
            yield world
            await world.channel.close()
