"""A service over gRPC with several addresses."""

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import grpc
import pytest

from frontispiece.settings import Directory
from frontispiece.upstream import (
    Context,
    GrpcService,
    GrpcStub,
    Request,
    Unreachable,
    UpstreamClientError,
    now,
)
from frontispiece.upstream.observed import End

ECHO = "/Echo/Say"

Answer = Callable[[bytes, "grpc.aio.ServicerContext[bytes, bytes]"], Any]


class EchoStub:
    """What the generator would make of one method, with bytes for messages."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.Say: Any = channel.unary_unary(ECHO)


@pytest.fixture
async def serve() -> AsyncIterator[Callable[[Answer], Any]]:
    """Starts servers; returns their addresses."""
    async with AsyncExitStack() as stack:

        async def start(answer: Answer) -> str:
            server = grpc.aio.server()
            handlers: dict[str, Any] = {"Say": grpc.unary_unary_rpc_method_handler(answer)}
            server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("Echo", handlers),))
            port = server.add_insecure_port("127.0.0.1:0")
            await server.start()
            stack.push_async_callback(server.stop, None)
            return f"127.0.0.1:{port}"

        yield start


@pytest.fixture
def closed() -> str:
    """An address where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


def says(word: bytes) -> Answer:
    async def answer(_request: bytes, _context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        return word

    return answer


def connector(*addresses: str) -> Any:
    directory = Directory(services={"echo": ",".join(addresses)})
    return GrpcService("echo", EchoStub).connect(directory, lambda stub: stub)


def client(open_connector: Any) -> GrpcStub:
    bound: GrpcStub = open_connector.bind(Context(deadline=now() + 60))
    return bound


async def test_where_one_address_cannot_be_reached_another_is_tried(
    serve: Callable[[Answer], Any], closed: str
) -> None:
    async with connector(closed, await serve(says(b"two"))) as echo:
        assert await echo.is_ready()
        assert [await client(echo).call("Say", b"") for _ in range(4)] == [b"two"] * 4


async def test_when_no_address_can_be_reached_the_service_is_unreachable(closed: str) -> None:
    async with connector(closed) as echo:
        with pytest.raises(Unreachable):
            await client(echo).call("Say", b"")


async def test_a_refusal_is_neither_repeated_at_another_address_nor_held_against_its_own(
    serve: Callable[[Answer], Any],
) -> None:
    calls = []

    async def refuse(_request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        calls.append(1)
        await context.abort(grpc.StatusCode.ABORTED, "no")

    async with connector(await serve(refuse), await serve(refuse)) as echo:
        for _ in range(20):
            with pytest.raises(UpstreamClientError):
                await client(echo).call("Say", b"")
        assert not any(each["failures"] or each["ejected"] for each in echo.state()["addresses"])
    assert len(calls) == 20


async def test_calls_are_observed_until_that_ends(serve: Callable[[Answer], Any], closed: str) -> None:
    ends: list[object] = []

    def start(request: Request) -> tuple[Request, End]:
        ends.append(f"{request.method} {request.target}")
        return request, lambda ended: ends.append(getattr(ended, "status", type(ended).__name__))

    async with connector(await serve(says(b"hello"))) as up, connector(closed) as down:
        observed = [each.observe(start) for each in (up, down)]
        await client(up).call("Say", b"")
        with pytest.raises(Unreachable):
            await client(down).call("Say", b"")
        for end in observed:
            end()
        await client(up).call("Say", b"")

    assert ends == [f"gRPC {ECHO}", 200, f"gRPC {ECHO}", 503]
