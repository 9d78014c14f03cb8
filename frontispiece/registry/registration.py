"""An app in the registry while it serves."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from frontispiece.registry.instance import Instance
from frontispiece.registry.registry import open_registry
from frontispiece.settings import RegistrySettings

NATS_PORT: Final = 4222


@asynccontextmanager
async def registered(settings: RegistrySettings, service: str, sock: socket.socket) -> AsyncIterator[None]:
    """A service that listens on this socket is in the registry for the duration of the block."""
    instance = Instance(
        service=service,
        address=settings.address or f"http://{_reachable(settings.url, sock)}",
        zone=settings.zone,
        weight=settings.weight,
        version=settings.version,
    )
    async with open_registry(settings.url) as registry:
        registry.enter(instance)
        try:
            yield
        finally:
            await registry.leave(instance)


def _reachable(url: str, sock: socket.socket) -> str:
    """`host:port` of a listening socket; for all addresses, the one of this machine towards the registry."""
    host, port, *_ = sock.getsockname()
    if ip_address(host).is_unspecified:
        broker = urlsplit(url.partition(",")[0])
        with socket.socket(sock.family, socket.SOCK_DGRAM) as route:  # which sends nothing
            route.connect((broker.hostname, broker.port or NATS_PORT))
            host = route.getsockname()[0]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
