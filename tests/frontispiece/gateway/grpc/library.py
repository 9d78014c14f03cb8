"""A service over gRPC, described by `library.proto`, which answers as tests say."""

import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import grpc

from frontispiece.gateway.config import table
from frontispiece.upstream.transports.grpc.descriptors import Descriptors
from tests.support.tables import route, route_table

SERVICE = "library.v1.Library"

Answer = Callable[[Any, Any], Awaitable[Any]]

METHOD = "grpc://library/Library."

ROUTES = (
    route("/books/{name}", to=f"{METHOD}GetBook", methods=["GET", "POST"], timeout="20s"),
    route("/search", to=f"{METHOD}FindBooks", methods=["GET", "POST"], timeout="20s"),
    route("/news", to=f"{METHOD}WatchBooks", timeout="20s"),
    route("/late", to=f"{METHOD}GetBook", timeout="100ms"),
    route("/v1/{rest:path}", to="library:/v1/{rest}", methods=["GET", "POST", "DELETE"]),
    route("/raw", to="library:/library.v1.Library/FindBooks", methods=["GET", "POST"]),
)


@cache
def descriptor_set() -> bytes:
    """The descriptors of `library.proto`, with all that it imports."""
    common = find_spec("google.api")
    assert common is not None
    locations = common.submodule_search_locations or ()
    folders = [
        f"-I{each}" for each in (Path(__file__).parent, *(Path(each, "..", "..") for each in locations))
    ]
    with TemporaryDirectory() as folder:
        made = Path(folder, "library.binpb")
        arguments = ["--include_imports", f"--descriptor_set_out={made}", "library.proto"]
        subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *folders, *arguments], check=True)
        return made.read_bytes()


def table_with(folder: Path, *routes: Any, url: str = "registry://library", **service: Any) -> table.Table:
    """A table whose service `library` has its descriptors in this folder."""
    (folder / "library.binpb").write_bytes(descriptor_set())
    services = {"library": {"url": url, "descriptors": "library.binpb", **service}}
    return table.parse(route_table(*routes, services=services), folder=folder)


@cache
def descriptors() -> Descriptors:
    """The same, read."""
    return Descriptors(descriptor_set())


class Library:
    """The service: `answers["GetBook"]` is what a method does; one without an answer returns its request."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.metadata: dict[str, Any] = {}
        """Of the last call."""
        self.seconds: float | None = None
        """What the last call said that there is for it."""
        self.returned: list[Any] = []
        """The requests that were returned."""
        self.cancelled = 0
        """Calls that their callers have given up."""

    @asynccontextmanager
    async def serving(self, address: str = "127.0.0.1:0") -> AsyncIterator[str]:
        """The address of the service, which serves."""
        server = grpc.aio.server()
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(SERVICE, {n: self._handler(n) for n in self._names()}),)
        )
        port = server.add_insecure_port(address)
        await server.start()
        try:
            yield f"127.0.0.1:{port}"
        finally:
            await server.stop(None)

    def _names(self) -> list[str]:
        return [path.rpartition("/")[2] for path in descriptors().methods]

    def _handler(self, name: str) -> Any:
        method = descriptors().methods[f"/{SERVICE}/{name}"]
        kind = "unary_stream" if method.is_streaming else "unary_unary"
        make = getattr(grpc, f"{kind}_rpc_method_handler")
        handle = self._stream if method.is_streaming else self._unary

        async def called(request: Any, context: Any) -> Any:
            self.metadata = dict(context.invocation_metadata())
            self.seconds = context.time_remaining()
            context.add_done_callback(self._done)
            return await handle(name, request, context)

        async def streamed(request: Any, context: Any) -> Any:
            self.metadata = dict(context.invocation_metadata())
            context.add_done_callback(self._done)
            await handle(name, request, context)

        return make(
            streamed if method.is_streaming else called,
            request_deserializer=method.takes.FromString,
            response_serializer=lambda message: (
                message if isinstance(message, bytes) else message.SerializeToString()
            ),
        )

    def _done(self, context: Any) -> None:
        self.cancelled += context.cancelled()

    async def _unary(self, name: str, request: Any, context: Any) -> Any:
        answer = self.answers.get(name)
        if answer is not None:
            return await answer(request, context)
        self.returned.append(request)
        returns = descriptors().methods[f"/{SERVICE}/{name}"].returns
        return request if isinstance(request, returns) else request.book

    async def _stream(self, name: str, request: Any, context: Any) -> None:
        await self.answers[name](request, context)
