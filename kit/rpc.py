"""Channels to services that speak gRPC, and what stands around them and their servers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import grpc

from kit import telemetry

if TYPE_CHECKING:
    from kit.tracing.core import Tracing

OPTIONS: Final = [
    ("grpc.enable_http_proxy", 0),  # services are inside: no proxy of the environment stands between
    ("grpc.max_reconnect_backoff_ms", 1000),  # one that is back is found at once
]


def open_channel(address: str) -> grpc.aio.Channel:
    """A channel to `host:port` or `unix:/path`, connected at its first call; close it with `async with`."""
    if not telemetry.is_on():
        return grpc.aio.insecure_channel(address, options=OPTIONS)
    from kit.tracing.rpc import Calling  # noqa: PLC0415 (only where traces are asked for)

    return grpc.aio.insecure_channel(address, options=OPTIONS, interceptors=[Calling()])


def serving(tracing: "Tracing | None") -> Sequence[grpc.aio.ServerInterceptor]:
    """What stands around the calls of a server whose traces are told; nothing when they are not."""
    if tracing is None:
        return ()
    from kit.tracing.rpc import Serving  # noqa: PLC0415 (only where traces are asked for)

    return (Serving(tracing),)
