"""Services over gRPC: channels, and clients with the failures of `upstream`."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any, Final, Self

from frontispiece import telemetry
from frontispiece.extras import extra
from frontispiece.http.messages import Reply, Request
from frontispiece.settings import Directory
from frontispiece.upstream.client import Context
from frontispiece.upstream.errors import (
    InvalidResponse,
    TimedOut,
    Unreachable,
    UpstreamClientError,
    UpstreamError,
    UpstreamServerError,
)
from frontispiece.upstream.observed import Start

with extra("grpc"):
    import grpc

OPTIONS: Final = [
    ("grpc.enable_http_proxy", 0),  # services are inside: no proxy of the environment stands between
    ("grpc.max_reconnect_backoff_ms", 1000),  # one that is back is found at once
]

READY_TIMEOUT: Final = 2.0
"""Seconds in which a ready service accepts a connection."""

CLIENT_ERRORS: Final = {
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.OUT_OF_RANGE: 400,
}
"""The HTTP status of each gRPC status that refuses a request."""


OF_GRPC: Final = ("larger than max", "metadata size exceeds")
"""In the texts of RESOURCE_EXHAUSTED that gRPC itself says, of sizes that waiting does not change."""


class GrpcStub:
    """A gRPC service within one request's context: its calls fail as `UpstreamError`.

    Args:
        name: the service's name, the audience of its tokens.
        stub: the generated stub.
        context: of the request.
        others: stubs of further addresses, which are tried where no connection can be made; as one may also
            have broken after the request was sent, methods are harmless to repeat.
    """

    def __init__(self, name: str, stub: Any, context: Context, others: Sequence[Any] = ()) -> None:
        self._name = name
        self._stubs = (stub, *others)
        self._context = context

    async def call(self, method: str, request: Any) -> Any:
        """Call a unary method of the stub; returns its response.

        Raises:
            UpstreamError: there is no response, or none that can be decoded.
        """
        metadata = [
            (name.decode(), value.decode())
            for name, value in self._context.headers_to(self._name)
            if value.isascii() and value.decode().isprintable()  # of metadata nothing else is valid
        ]
        with self._context.record_call(self._name, "gRPC", method, answer="OK"):
            response = await self._call(method, request, metadata)
        if response is None:  # what grpc returns for a message that it cannot decode
            raise InvalidResponse("its answer cannot be read")
        return response

    async def _call(self, method: str, request: Any, metadata: list[tuple[str, str]]) -> Any:
        """The response of the first address that can be reached."""
        for stub in self._stubs:
            timeout = self._context.remaining()
            try:
                return await getattr(stub, method)(request, timeout=timeout, metadata=metadata)
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.UNAVAILABLE or stub is self._stubs[-1]:
                    raise upstream_error(error.code(), error.details(), error.trailing_metadata()) from error
        raise AssertionError("there is at least one stub")


class _ObservedStub(GrpcStub):
    """A stub whose calls are observed, as requests with the method `gRPC`."""

    def __init__(self, start: Start, *stub: Any) -> None:
        super().__init__(*stub)
        self._start = start

    async def _call(self, method: str, request: Any, metadata: list[tuple[str, str]]) -> Any:
        observed = self._start(Request(method="gRPC", target=method))
        if observed is None:
            return await super()._call(method, request, metadata)
        _, end = observed
        try:
            response = await super()._call(method, request, metadata)
        except BaseException as error:
            end(error)
            raise
        end(Reply.whole(HTTPStatus.OK, b"", []))
        return response


class GrpcService:
    """A service over gRPC, for `bff(clients={Client: GrpcService(…)})`: made as `client(GrpcStub)`.

    Args:
        name: the service's name, the audience of its tokens.
        stub: the generated stub's class.
        address: its name in `SERVICES`, where that differs from `name`.
    """

    def __init__(self, name: str, stub: Callable[[grpc.aio.Channel], Any], *, address: str = "") -> None:
        self.name = name
        self._stub = stub
        self._address = address or name

    def connect(self, directory: Directory, client: Callable[[GrpcStub], Any]) -> "GrpcConnector":
        """A connector to the service.

        Raises:
            LookupError: the directory has no address for it.
        """
        return GrpcConnector(self.name, directory.addresses(self._address), self._stub, client)


class GrpcConnector:
    """Channels to the addresses of a service, and clients for its requests, which take turns with them."""

    def __init__(
        self,
        name: str,
        addresses: Sequence[str],
        stub: Callable[[grpc.aio.Channel], Any],
        client: Callable[[GrpcStub], Any],
    ) -> None:
        self._name = name
        self._addresses = addresses
        self._stub_class = stub
        self._client = client
        self._turn = 0
        self._new_stub: Callable[..., GrpcStub] = GrpcStub

    async def __aenter__(self) -> Self:
        self._channels = [await open_channel(address).__aenter__() for address in self._addresses]
        self._stubs = [self._stub_class(channel) for channel in self._channels]
        return self

    async def __aexit__(self, *exc: object) -> None:
        await asyncio.gather(*(channel.close() for channel in self._channels))

    def bind(self, context: Context) -> Any:
        """The client for the calls of one request."""
        self._turn = (self._turn + 1) % len(self._stubs)
        stub, *others = self._stubs[self._turn :] + self._stubs[: self._turn]
        return self._client(self._new_stub(self._name, stub, context, others))

    def observe(self, start: Start) -> Callable[[], None]:
        """Call `start` for each call of new clients, until the function that this returns is called."""
        self._new_stub = partial(_ObservedStub, start)

        def end() -> None:
            self._new_stub = GrpcStub

        return end

    async def is_ready(self) -> bool:
        """Whether one of the addresses accepts a connection."""
        waits = [asyncio.ensure_future(channel.channel_ready()) for channel in self._channels]
        connected, rest = await asyncio.wait(
            waits, timeout=READY_TIMEOUT, return_when=asyncio.FIRST_COMPLETED
        )
        for wait in rest:
            wait.cancel()
        return bool(connected)


def upstream_error(code: grpc.StatusCode, detail: str | None, metadata: Any) -> UpstreamError:
    """The failure that a status other than OK is.

    Args:
        code: the status.
        detail: its text.
        metadata: the trailing metadata of the call.
    """
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return TimedOut("no answer in time")
    if code is grpc.StatusCode.UNAVAILABLE:
        return Unreachable("no connection could be made")
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED and any(words in (detail or "") for words in OF_GRPC):
        return InvalidResponse("a message is larger than gRPC passes")
    if code in CLIENT_ERRORS:
        kind = dict(metadata or ()).get("problem-type")
        return UpstreamClientError(CLIENT_ERRORS[code], kind=str(kind) if kind else None, detail=detail)
    return UpstreamServerError(f"it answered {code.name}")


def open_channel(address: str) -> grpc.aio.Channel:
    """A channel to `host:port` or `unix:/path`, connected at its first call; close it with `async with`."""
    if not telemetry.is_on():
        return grpc.aio.insecure_channel(address, options=OPTIONS)
    from frontispiece.telemetry.grpc import TracingClientInterceptor  # noqa: PLC0415 (only with traces)

    return grpc.aio.insecure_channel(address, options=OPTIONS, interceptors=[TracingClientInterceptor()])
