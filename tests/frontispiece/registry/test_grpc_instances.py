"""Instances that are reached over gRPC, by clients of a BFF and by the gateway."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc

from frontispiece.gateway.grpc.clusters import cluster_name, place_of
from frontispiece.registry import Instance, open_registry
from frontispiece.service import registered_as, serve_rpc
from frontispiece.settings import Directory, RegistrySettings
from frontispiece.upstream import Context, GrpcService, now
from tests.frontispiece.gateway.grpc.library import METHOD, Library, table_with
from tests.frontispiece.gateway.grpc.native import BOOK, ROUTE, Greeter, native_world
from tests.frontispiece.registry.conftest import Instances
from tests.support.serving import client_of, servers
from tests.support.tables import route, route_table
from tests.support.waiting import TIMEOUT, until
from tests.support.world import gateway_of


class GrpcThings:
    """An app with a door over gRPC beside its own, which answers with the address it has there."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Run its lifespan."""
        assert scope["type"] == "lifespan"
        await receive()
        server = grpc.aio.server()
        handlers: dict[str, Any] = {"Where": grpc.unary_unary_rpc_method_handler(self._where)}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("Things", handlers),))
        async with serve_rpc(server, "127.0.0.1:0") as port:
            self.address = f"grpc://127.0.0.1:{port}"
            scope["state"].update(registered_as("things-grpc", "0.0.0.0:0", port))
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def _where(self, _request: bytes, _context: Any) -> bytes:
        return self.address.encode()


class ThingsStub:
    def __init__(self, channel: Any) -> None:
        self.Where: Any = channel.unary_unary("/Things/Where")


async def test_a_door_over_grpc_is_found_balanced_and_drained_as_its_service(instances: Instances) -> None:
    directory = Directory(services={}, registry=RegistrySettings(url=instances.url))
    service = GrpcService("things", ThingsStub, address="things-grpc")
    async with service.connect(directory, lambda stub: stub) as connector:

        def there() -> set[str]:
            return {each["url"] for each in connector.state()["addresses"]}

        async def answers(calls: int = 40) -> set[str]:
            stub = connector.bind(Context(deadline=now() + TIMEOUT))
            return {(await stub.call("Where", b"")).decode() for _ in range(calls)}

        first, second = GrpcThings(), GrpcThings()
        at = await instances.start(app=first)
        await until(lambda: there() == {first.address})
        await instances.start(app=second)
        await until(lambda: there() == {first.address, second.address})
        assert await answers() == there()
        assert await connector.is_ready()

        stopping = asyncio.create_task(instances.stop(at))
        while not stopping.done():
            assert await answers(5) <= {first.address, second.address}, "none fails"
        assert await answers() == there() == {second.address}


async def test_a_split_sends_callers_of_a_method_to_a_version(instances: Instances, tmp_path: Path) -> None:
    canary = {"to": "library@2", "when": {"header": "x-canary", "equals": "yes"}}
    of_method = route("/books/{name}", to=f"{METHOD}GetBook", split=[canary])
    empty = route_table(route("/a", to="b"), services={"b": "http://127.0.0.1:9"})
    gateway = gateway_of(empty, {}, registry=RegistrySettings(url=instances.url))
    old, new = Library(), Library()
    async with (
        servers() as serve,
        client_of(await serve(gateway)) as http,
        old.serving() as old_address,
        new.serving() as new_address,
        open_registry(instances.url) as registry,
    ):
        first = Instance(service="library", address=f"grpc://{old_address}", version="1")
        second = Instance(service="library", address=f"grpc://{new_address}", version="2", weight=0)
        registry.enter(first)
        registry.enter(second)
        assert await gateway.serve_table(table_with(tmp_path, of_method))
        upstream = gateway.snapshot.upstreams["library@2"]
        await until(lambda: set(upstream.addresses) == {second.address})

        for name in ("old", "new"):
            chosen = {"X-Canary": "yes"} if name == "new" else {}
            assert (await http.get(f"/books/{name}", headers=chosen)).json()["name"] == name

        await registry.leave(first)
        await registry.leave(second)
    assert [each.name for each in old.returned] == ["old"]
    assert [each.name for each in new.returned] == ["new"]


async def test_native_calls_go_to_instances_as_they_come_and_leave_and_none_fails(
    instances: Instances, tmp_path: Path
) -> None:
    first, second = Greeter(), Greeter()
    async with (
        open_registry(instances.url) as registry,
        second.serving() as second_address,
        native_world(tmp_path, {}, registry=RegistrySettings(url=instances.url)) as world,
    ):
        get = world.method("GetBook")

        async def reach(greeter: Greeter, *before: type[Exception]) -> None:
            greeter.metadata = []
            async with asyncio.timeout(TIMEOUT):
                while not greeter.metadata:
                    with suppress(*before):
                        await get(BOOK(), timeout=TIMEOUT)

        async with first.serving() as first_address:
            registry.enter(old := Instance(service="library", address=f"grpc://{first_address}"))
            await world.serve(ROUTE | {"auth": "none", "scopes": []})
            await reach(first, grpc.aio.AioRpcError)
            registry.enter(Instance(service="library", address=f"grpc://{second_address}"))
            await reach(second)
            await registry.leave(old)
            known = world.gateway.snapshot.upstreams["library"].addresses
            await until(lambda: set(known) == {f"grpc://{second_address}"})
        for _ in range(20):
            await get(BOOK(), timeout=TIMEOUT)


async def test_native_calls_stay_in_the_gateways_zone_while_a_copy_serves_there(
    instances: Instances, tmp_path: Path
) -> None:
    near, far = Greeter(), Greeter()
    settings = RegistrySettings(url=instances.url, zone="north")
    async with (
        open_registry(instances.url) as registry,
        far.serving() as far_address,
        native_world(tmp_path, {}, registry=settings) as world,
    ):
        get = world.method("GetBook")
        async with near.serving() as near_address:
            for zone, address in (("north", near_address), ("south", far_address)):
                registry.enter(Instance(service="library", address=f"grpc://{address}", zone=zone))
            await world.serve(ROUTE | {"auth": "none", "scopes": []})
            known = world.gateway.snapshot.upstreams["library"].addresses
            await until(lambda: len(known) == 2)
            both = cluster_name("library", sorted(map(place_of, known.values())))
            await until(lambda: world.data_plane.clusters["library"] == both)
            for _ in range(20):
                await get(BOOK(), timeout=TIMEOUT)
            assert not far.metadata
        for _ in range(20):  # it has crashed, and is in the registry as before
            await get(BOOK(), timeout=TIMEOUT)
        assert far.metadata
