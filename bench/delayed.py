"""`python -m bench.delayed SECONDS up …`: `front`, with services that respond so much later.

The delay is the services' own: pages and the gateway are as fast as ever. Apps are forked from this process,
and so have it, too.
"""

import asyncio
import sys
from typing import Any

from fastapi import FastAPI

from frontispiece.cli.main import main
from frontispiece.pages import PageApp
from frontispiece.service.grpc import RpcInterceptor


def delay(seconds: float) -> None:
    """Have every service of this process and its children wait before each response, over HTTP and gRPC."""
    respond, intercept = FastAPI.__call__, RpcInterceptor.intercept_service

    async def respond_later(self: FastAPI, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and not isinstance(self, PageApp):
            await asyncio.sleep(seconds)
        await respond(self, scope, receive, send)

    async def intercept_later(self: RpcInterceptor, continuation: Any, handler_call_details: Any) -> Any:
        await asyncio.sleep(seconds)
        return await intercept(self, continuation, handler_call_details)

    FastAPI.__call__ = respond_later  # type: ignore[method-assign]
    RpcInterceptor.intercept_service = intercept_later  # type: ignore[method-assign]


if __name__ == "__main__":
    delay(float(sys.argv.pop(1)))
    main()
