"""Channels to services that speak gRPC."""

from typing import Final

import grpc

OPTIONS: Final = [
    ("grpc.enable_http_proxy", 0),  # services are inside: no proxy of the environment stands between
    ("grpc.max_reconnect_backoff_ms", 1000),  # one that is back is found at once
]


def open_channel(address: str) -> grpc.aio.Channel:
    """A channel to `host:port` or `unix:/path`, connected at its first call; close it with `async with`."""
    return grpc.aio.insecure_channel(address, options=OPTIONS)
