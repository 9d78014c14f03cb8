"""A gRPC server as a service: callers with tokens, status codes for problems, and traces.

The trailing metadata `problem-type` is what `type` is over HTTP.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from frontispiece.extras import extra
from frontispiece.http.asgi import ADDRESSES
from frontispiece.http.grpc_status import STATUSES, UNKNOWN
from frontispiece.http.problems import Problem, internal
from frontispiece.security import Identity, Verifier

with extra("grpc"):
    import grpc

if TYPE_CHECKING:
    from frontispiece.telemetry.spans import Tracing

log = logging.getLogger(__name__)

SHUTDOWN_SECONDS: Final = 2.0
"""Seconds that running calls have to end when their server stops."""

Method = Callable[[Any, grpc.aio.ServicerContext[Any, Any]], Awaitable[Any]]

_CODES: Final = {code.value[0]: code for code in grpc.StatusCode}


class RpcInterceptor(grpc.aio.ServerInterceptor):
    """Lets calls through that have a token, and ends failed ones with a status code, a sentence and a name.

    Args:
        verifier: verifies the callers' tokens.
        public: the methods that need no token.
        scopes: the scope that a method needs besides a token, by method.
        problems: the problem that each exception of the service's own means.
    """

    def __init__(
        self,
        verifier: Verifier,
        *,
        public: Collection[str] = (),
        scopes: Mapping[str, str] = MappingProxyType({}),
        problems: Mapping[type[Exception], Problem],
    ) -> None:
        self._verifier = verifier
        self._public = public
        self._scopes = scopes
        self._problems = problems

    async def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        """The method's handler behind the check of its caller; its exceptions end the call."""
        handler = await continuation(handler_call_details)
        if handler is None:  # no such method: the server itself says UNIMPLEMENTED
            return None
        guarded = self._guarded(handler_call_details.method.rpartition("/")[2], handler.unary_unary)
        return grpc.unary_unary_rpc_method_handler(
            guarded, handler.request_deserializer, handler.response_serializer
        )

    def _guarded(self, name: str, method: Method) -> Method:
        async def guarded(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
            try:
                if name not in self._public:
                    self._check(name, rpc_caller(self._verifier, context))
                return await method(request, context)
            except Exception as error:  # the edge: left alone, gRPC would tell the caller of the inside
                problem = self._problem(error)
                if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                    log.exception("A call failed")
                code = _CODES[STATUSES.get(problem.status, UNKNOWN)]
                await context.abort(code, str(problem), (("problem-type", problem.kind),))

        return guarded

    def _check(self, name: str, caller: Identity) -> None:
        scope = self._scopes.get(name)
        if scope is not None and scope not in caller.scopes:
            raise Problem(403, "scope-missing", f"This needs the scope {scope}.")

    def _problem(self, error: Exception) -> Problem:
        return error if isinstance(error, Problem) else self._problems.get(type(error)) or internal(None)


@asynccontextmanager
async def serve_rpc(server: grpc.aio.Server, listen: str) -> AsyncIterator[int]:
    """Run a server until the exit, and then until its calls have ended; gives its port.

    Args:
        server: not yet listening.
        listen: `host:port` or `unix:/path`; port 0 takes a free one.
    """
    port = server.add_insecure_port(listen)
    await server.start()
    try:
        yield port
    finally:
        await server.stop(SHUTDOWN_SECONDS)


def registered_as(name: str, listen: str, port: int) -> dict[str, dict[str, str]]:
    """The state of an app's lifespan that has its gRPC server in the registry while the app is there.

        async with serve_rpc(server, listen) as port:
            yield registered_as("things-grpc", listen, port)

    Args:
        name: the server's in the registry.
        listen: as for `serve_rpc`.
        port: that it has.
    """
    address = listen if listen.startswith("unix:") else f"grpc://{listen.rpartition(':')[0]}:{port}"
    return {ADDRESSES: {name: address}}


def rpc_caller(verifier: Verifier, context: grpc.aio.ServicerContext[Any, Any]) -> Identity:
    """The verified caller, by the token in the metadata `authorization`.

    Raises:
        Problem: 401 without a valid token for this service.
    """
    authorization = dict(context.invocation_metadata() or ()).get("authorization")
    return verifier.caller(str(authorization) if authorization else None)


def tracing_interceptors(tracing: "Tracing | None") -> Sequence[grpc.aio.ServerInterceptor]:
    """The interceptor that traces a server's calls; none without tracing."""
    if tracing is None:
        return ()
    from frontispiece.telemetry.grpc import TracingServerInterceptor  # noqa: PLC0415 (only with traces)

    return (TracingServerInterceptor(tracing),)
