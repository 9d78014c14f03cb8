"""How a failed call ends: the one place where failures become gRPC status codes.

The trailing metadata `problem-type` names the problem, as `type` does over HTTP.
"""

import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

import grpc

from kit.problems import Problem, internal
from services.discount.model import Outdated, Unknown

log = logging.getLogger(__name__)

Method = Callable[[Any, grpc.aio.ServicerContext[Any, Any]], Awaitable[Any]]

_CODES = {
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    409: grpc.StatusCode.ABORTED,
    412: grpc.StatusCode.ABORTED,
    422: grpc.StatusCode.INVALID_ARGUMENT,
    500: grpc.StatusCode.INTERNAL,
    503: grpc.StatusCode.UNAVAILABLE,
}


class Problems(grpc.aio.ServerInterceptor):
    """Ends every failed call with a status code, words for people and a name for programs."""

    async def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        """The method's handler, guarded."""
        handler = await continuation(handler_call_details)
        if handler is None:  # no such method: the server itself says UNIMPLEMENTED
            return None
        return grpc.unary_unary_rpc_method_handler(
            _guarded(handler.unary_unary), handler.request_deserializer, handler.response_serializer
        )


def _guarded(method: Method) -> Method:
    async def guarded(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        try:
            return await method(request, context)
        except Exception as fault:  # the edge: left alone, gRPC would tell the caller of the inside
            problem = _problem(fault)
            if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                log.exception("A call failed")
            kind = (("problem-type", problem.kind),)
            await context.abort(_CODES[problem.status], str(problem), kind)

    return guarded


def _problem(fault: Exception) -> Problem:
    match fault:
        case Problem():
            return fault
        case Unknown():
            return Problem(404, "discount-unknown", "There is no such discount.")
        case Outdated():
            return Problem(412, "version-outdated", "Somebody changed this discount since you read it.")
        case _:
            return internal(None)
