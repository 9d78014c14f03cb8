"""Who calls over gRPC: told by the same tokens as over HTTP, in the metadata `authorization`."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import grpc

from kit.tokens import Identity, Verifier

PUBLIC: Final = frozenset({"GetDiscount", "ListDiscounts"})
"""The methods that answer anybody, token or none."""

Context = grpc.aio.ServicerContext[Any, Any]
Method = Callable[[Any, Context], Awaitable[Any]]


def caller(verifier: Verifier, context: Context) -> Identity:
    """Who calls.

    Raises:
        Problem: 401 without a true token for this service.
    """
    authorization = dict(context.invocation_metadata() or ()).get("authorization")
    return verifier.caller(str(authorization) if authorization else None)


class Known(grpc.aio.ServerInterceptor):
    """Lets nobody pass whom no token names, to what is not public."""

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier

    async def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        """The method's handler, behind a look at the caller's token where it needs one."""
        handler = await continuation(handler_call_details)
        if handler is None or handler_call_details.method.rpartition("/")[2] in PUBLIC:
            return handler
        return grpc.unary_unary_rpc_method_handler(
            self._behind(handler.unary_unary), handler.request_deserializer, handler.response_serializer
        )

    def _behind(self, method: Method) -> Method:
        async def behind(request: Any, context: Context) -> Any:
            caller(self._verifier, context)
            return await method(request, context)

        return behind
