"""The catalog's batch read over REST and over gRPC, as a BFF reads it: `python -m bench.grpc`, a minute.

A process serves the shop's catalog at both doors; another reads products through the clients that
BFFs use, one call after the other, and has them as objects in the end. Counted are the CPU of both processes,
the time of a call, and the bytes of requests and responses with their heads. `--write` puts the table into
`results/`.
"""

import argparse
import asyncio
import os
import resource
from collections.abc import Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, Final
from urllib.parse import urlencode

import uvloop
from google.protobuf.json_format import MessageToDict

from bench import versions
from bench.timing import percentile
from bff.clients.catalog import Image, Named, Product, Variant
from bff.clients.common import Items, Money
from frontispiece.events import EventSettings
from frontispiece.server.server import IMMEDIATE, Server
from frontispiece.server.sockets import address, bound
from frontispiece.settings import Directory, TokenSettings
from frontispiece.upstream import Context, GrpcService, GrpcStub, now, open_upstream
from services.catalog.app import CatalogSettings, create_app
from shop.pb.catalog_pb2 import ListProductsRequest, ListProductsResponse
from shop.pb.services import CatalogStub

RESULTS: Final = Path(__file__).parent / "results" / "grpc.md"
SIZES: Final = (1, 10, 50)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A door with batches of one size.

    Args:
        client: CPU of a call in the reading process, µs.
        server: CPU of a call in the serving process, µs.
        seconds: of each call.
        size: bytes of a request and its response.
    """

    client: float
    server: float
    seconds: list[float]
    size: int


class GrpcCatalog:
    """The client of the catalog over gRPC, with the objects that `Catalog` has."""

    def __init__(self, service: GrpcStub) -> None:
        self._service = service

    async def products(self, skus: Sequence[str]) -> list[Product]:
        """The products with these skus that there are."""
        response: ListProductsResponse = await self._service.call(
            "ListProducts", ListProductsRequest(skus=skus)
        )
        return [product(each) for each in response.items]


def product(message: Any) -> Product:
    """The object of a message."""
    return Product(
        sku=message.sku,
        name=message.name,
        description=message.description,
        brand=Named(message.brand.id, message.brand.name),
        type=Named(message.type.id, message.type.name),
        price=Money(message.price.amount, message.price.currency),
        images=[
            Image(image.alt, [Variant(v.url, v.width, v.height, v.format) for v in image.variants])
            for image in message.images
        ],
        attributes=MessageToDict(message.attributes),
        related=[*message.related],
    )


def serve(parent: Connection, database: str) -> None:
    """Serve the catalog at both doors, and tell the CPU of this process whenever the parent asks."""
    settings = CatalogSettings(
        database_url=f"sqlite:///{database}",
        grpc_listen="127.0.0.1:0",
        seed=True,
        events=EventSettings(url="nats://127.0.0.1:1", prefix="bench"),
        tokens=TokenSettings(issuers={}),
    )

    async def run() -> None:
        app = create_app(settings)
        sock = bound()
        server = Server("catalog", app, IMMEDIATE)
        async with asyncio.TaskGroup() as tasks:
            await server.until_started(tasks.create_task(server.serve(sock)))
            parent.send((address(sock), f"127.0.0.1:{app.state.grpc_port}"))
            while await asyncio.to_thread(parent.recv):
                parent.send(cpu())
            server.stop()

    uvloop.run(run())


def cpu() -> float:
    """Seconds of CPU that this process has used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


class Relay:
    """Passes bytes on to an address, and counts them."""

    def __init__(self) -> None:
        self.size = 0

    @asynccontextmanager
    async def before(self, target: str) -> Any:
        """The address of the relay before this one."""
        host, _, port = target.rpartition(":")

        async def copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            while data := await source.read(1 << 16):
                self.size += len(data)
                sink.write(data)
            sink.close()

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            there, back = await asyncio.open_connection(host, int(port))
            await asyncio.gather(copy(reader, back), copy(there, writer))

        async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
            yield "{}:{}".format(*server.sockets[0].getsockname())


@asynccontextmanager
async def rest(at: str) -> Any:
    """The client over REST."""
    async with open_upstream("catalog", f"http://{at}", Directory()) as upstream:

        async def read(skus: Sequence[str]) -> list[Product]:
            target = f"/products?{urlencode({'sku': skus}, doseq=True)}"
            return (await upstream.within(context()).get(target, Items[Product])).items

        yield read


@asynccontextmanager
async def rpc(at: str) -> Any:
    """The client over gRPC."""
    directory = Directory(services={"catalog": at})
    async with GrpcService("catalog", CatalogStub).connect(directory, GrpcCatalog) as connector:
        yield lambda skus: connector.bind(context()).products(skus)


def context() -> Context:
    """Of one request, which has some seconds."""
    return Context(deadline=now() + 10)


async def measured(client: Any, at: str, skus: list[str], calls: int, server: Connection) -> Measured:
    """What calls for these products take at a door."""
    relay = Relay()
    async with relay.before(at) as before, client(before) as read:
        await read(skus)
        begun = relay.size
        for _ in range(10):
            await read(skus)
        size = (relay.size - begun) // 10
    async with client(at) as read:
        for _ in range(50):
            assert len(await read(skus)) == len(skus)
        seconds = []
        at_server, here = ask(server), cpu()
        for _ in range(calls):
            begun_at = perf_counter()
            await read(skus)
            seconds.append(perf_counter() - begun_at)
        here, at_server = cpu() - here, ask(server) - at_server
    return Measured(client=here / calls * 1e6, server=at_server / calls * 1e6, seconds=seconds, size=size)


def ask(server: Connection) -> float:
    """The CPU that the server has used."""
    server.send(True)
    used: float = server.recv()
    return used


async def compare(doors: tuple[str, str], server: Connection, calls: int) -> list[str]:
    """The lines of the table."""
    async with open_upstream("catalog", f"http://{doors[0]}", Directory()) as upstream:
        found = await upstream.within(context()).get("/products?limit=50", Items[Product])
    skus = [each.sku for each in found.items]
    lines = []
    for size in SIZES:
        for name, client, at in (("REST", rest, doors[0]), ("gRPC", rpc, doors[1])):
            result = await measured(client, at, skus[:size], calls, server)
            p50, p99 = (percentile(result.seconds, percent) * 1e3 for percent in (50, 99))
            lines.append(
                f"| {size} | {name} | {result.client:,.0f} | {result.server:,.0f} | {p50:.2f} "
                f"| {p99:.2f} | {result.size:,} |"
            )
            print(lines[-1], flush=True)  # noqa: T201 (a program for the terminal)
    return lines


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--calls", type=int, default=1000, help="of each kind")
    parser.add_argument("--write", action="store_true", help="write the results to bench/results/")
    options = parser.parse_args()
    os.environ |= {"DATABASE_MIGRATE": "true"}
    here, there = get_context("spawn").Pipe()
    with TemporaryDirectory() as folder:
        process = get_context("spawn").Process(
            target=serve, args=[there, f"{folder}/catalog.db"], daemon=True
        )
        process.start()
        try:
            lines = uvloop.run(compare(here.recv(), here, options.calls))
            here.send(False)
        finally:
            process.join(10)
            process.terminate()
    if options.write:
        RESULTS.write_text(ABOUT.format(machine=versions.machine(), lines="\n".join(lines)), encoding="utf-8")


ABOUT: Final = """\
# The batch read of the catalog: REST and gRPC

`python -m bench.grpc`: two processes on this machine, calls one after the other, through the client classes
of BFFs and into the same objects. CPU of a call in µs, time in ms, bytes with heads, both ways.

{machine}

| products | door | client's CPU | server's CPU | p50 | p99 | bytes |
|--:|---|--:|--:|--:|--:|--:|
{lines}
"""


if __name__ == "__main__":
    main()
