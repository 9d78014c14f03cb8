"""Services over gRPC: channels, and clients with the failures of `upstream`."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final, Self

from frontispiece import telemetry
from frontispiece.extras import extra
from frontispiece.http.messages import Headers, Reply, Request
from frontispiece.settings import Directory
from frontispiece.upstream.call_context import Context
from frontispiece.upstream.client import OK, Upstream, UpstreamConnector
from frontispiece.upstream.errors import (
    InvalidResponse,
    TimedOut,
    Unreachable,
    UpstreamClientError,
    UpstreamError,
    UpstreamServerError,
)
from frontispiece.upstream.factory import reach

with extra("grpc"):
    import grpc

OPTIONS: Final = [
    ("grpc.enable_http_proxy", 0),  # services are inside: no proxy of the environment stands between
    ("grpc.max_reconnect_backoff_ms", 1000),  # one that is back is found at once
]

READINESS_PATH: Final = "/health/ready"
"""Where health checks ask unless a table says otherwise."""

MAX_MESSAGE: Final = 4 * 1024 * 1024
"""Bytes of a message: what gRPC accepts by default."""

FAILED: Final = grpc.ChannelConnectivity.TRANSIENT_FAILURE

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


SIZE_LIMIT_TEXTS: Final = ("larger than max", "metadata size exceeds")
"""In the texts of RESOURCE_EXHAUSTED that gRPC itself says, of sizes that waiting does not change."""


class GrpcChannel:
    """The transport to one address: a request's path is the method, its body the message.

    Its address is `grpc://host:port`, `grpcs://host:port` with TLS, or a target of gRPC's own, such as
    `unix:/path`.
    """

    traced = True

    def __init__(self, address: str) -> None:
        self._address = address
        self._methods: dict[str, Any] = {}

    async def __aenter__(self) -> Self:
        self._channel = open_channel(self._address, traced=self.traced)
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._channel.close()

    async def send(self, request: Request) -> Reply:
        """Call a method with one response, which is the reply's body.

        Raises:
            UpstreamError: there is no response.
        """
        if request.target == READINESS_PATH:
            return await self.ready(request.timeout)
        method = self._methods.get(request.target)
        if method is None:
            method = self._methods[request.target] = self._channel.unary_unary(request.target)
        try:
            body = await method(request.body, timeout=request.timeout, metadata=_metadata(request.headers))
        except grpc.aio.AioRpcError as error:
            raise upstream_error(error.code(), error.details(), error.trailing_metadata()) from error
        return Reply.whole(OK, body, [])

    async def ready(self, seconds: float) -> Reply:
        """A reply once a connection is accepted: gRPC has no path for health.

        Raises:
            Unreachable: none is.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while (state := self._channel.get_state(try_to_connect=True)) is not FAILED:
                    if state is grpc.ChannelConnectivity.READY:
                        return Reply.whole(OK, b"", [])
                    await self._channel.wait_for_state_change(state)
        raise Unreachable("no connection could be made")


class _StubChannel:
    """The channel that a generated stub gets: its calls go to an upstream, which balances them."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    def unary_unary(
        self,
        path: str,
        request_serializer: Callable[[Any], bytes] = bytes,
        response_deserializer: Callable[[bytes], Any] = bytes,
        **_options: Any,
    ) -> Callable[..., Awaitable[Any]]:
        """A method with one request and one response."""

        async def call(message: Any, *, seconds: float, headers: Headers) -> Any:
            body = request_serializer(message)
            request = Request(method="gRPC", target=path, headers=headers, body=body, timeout=seconds)
            reply = await self._upstream.send(request)
            try:
                return response_deserializer(await reply.read(MAX_MESSAGE))
            except Exception as error:  # whatever the generated code raises
                raise InvalidResponse("its answer cannot be read") from error

        return call

    def unary_stream(self, path: str, *_arguments: Any, **_options: Any) -> Callable[..., Any]:
        """A method that streams, which a `GrpcStub` does not call."""

        def call(*_arguments: Any, **_options: Any) -> Any:
            raise TypeError(f"{path} streams: a GrpcStub calls methods with one response")

        return call

    stream_unary = stream_stream = unary_stream


class GrpcStub:
    """A gRPC service within one request's context: its calls fail as `UpstreamError`.

    Args:
        name: the service's name, the audience of its tokens.
        stub: the generated stub, on the channel that `GrpcService` gives it.
        context: of the request.
    """

    def __init__(self, name: str, stub: Any, context: Context) -> None:
        self._name = name
        self._stub = stub
        self._context = context

    async def call(self, method: str, request: Any) -> Any:
        """Call a unary method of the stub; returns its response.

        Where no connection can be made, and where one breaks, another instance is called: methods are
        harmless to repeat.

        Raises:
            UpstreamError: there is no response, or none that can be decoded.
        """
        seconds = self._context.begin_call()
        headers = [*self._context.headers_to(self._name)]
        with self._context.record_call(self._name, "gRPC", method, answer="OK"):
            return await getattr(self._stub, method)(request, seconds=seconds, headers=headers)


class GrpcService:
    """A service over gRPC, for `bff(clients={Client: GrpcService(…)})`: made as `client(GrpcStub)`.

    Args:
        name: the service's name, the audience of its tokens.
        stub: the generated stub's class.
        address: its name in the registry and in `SERVICES`, where that differs from `name`.
    """

    def __init__(self, name: str, stub: Callable[[Any], Any], *, address: str = "") -> None:
        self.name = name
        self._stub = stub
        self._address = address or name

    def connect(self, directory: Directory, client: Callable[[GrpcStub], Any]) -> UpstreamConnector:
        """The service, among whose instances calls are balanced.

        Raises:
            LookupError: the directory has no address for it.
        """
        transport, addresses = reach(self.name, f"registry://{self._address}", directory, grpc=GrpcChannel)
        upstream = Upstream(self.name, transport, addresses=addresses)
        stub = self._stub(_StubChannel(upstream))
        return UpstreamConnector(upstream, lambda context: client(GrpcStub(self.name, stub, context)))


def upstream_error(code: grpc.StatusCode, detail: str | None, metadata: Any) -> UpstreamError:
    """The failure that a status other than OK is."""
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return TimedOut("no answer in time")
    if code is grpc.StatusCode.UNAVAILABLE:
        return Unreachable("no connection could be made")
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED and any(
        words in (detail or "") for words in SIZE_LIMIT_TEXTS
    ):
        return InvalidResponse("a message is larger than gRPC passes")
    if code in CLIENT_ERRORS:
        kind = dict(metadata or ()).get("problem-type")
        return UpstreamClientError(CLIENT_ERRORS[code], kind=str(kind) if kind else None, detail=detail)
    return UpstreamServerError(f"it answered {code.name}")


def open_channel(address: str, *, traced: bool = True) -> grpc.aio.Channel:
    """A channel to an address of a `GrpcChannel`, connected at its first call; close it by `async with`."""
    interceptors = []
    if traced and telemetry.is_on():
        from frontispiece.telemetry.grpc import TracingClientInterceptor  # noqa: PLC0415 (only with traces)

        interceptors = [TracingClientInterceptor()]
    scheme, separator, rest = address.partition("://")
    if scheme == "grpcs":
        return grpc.aio.secure_channel(
            rest, grpc.ssl_channel_credentials(), options=OPTIONS, interceptors=interceptors
        )
    target = rest if separator and scheme == "grpc" else address
    return grpc.aio.insecure_channel(target, options=OPTIONS, interceptors=interceptors)


def _metadata(headers: Headers) -> list[tuple[str, str]]:
    """The headers of a call as metadata, where nothing but printable ASCII is valid."""
    fields = [(name.decode(), value.decode("latin-1")) for name, value in headers]
    return [(name, value) for name, value in fields if value.isascii() and value.isprintable()]
