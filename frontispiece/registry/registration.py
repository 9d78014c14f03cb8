"""An app in the registry while it serves."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from frontispiece.errors import ConfigError
from frontispiece.http.asgi import ADDRESSES
from frontispiece.registry.instance import Instance
from frontispiece.registry.registry import open_registry
from frontispiece.settings import RegistrySettings

log = logging.getLogger(__name__)

NATS_PORT: Final = 4222

UNSPECIFIED: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 (nothing listens here)
"""Hosts that stand for all addresses of a machine."""


@asynccontextmanager
async def registered(
    settings: RegistrySettings,
    service: str,
    sock: socket.socket,
    state: Mapping[str, Any] = MappingProxyType({}),
) -> AsyncIterator[None]:
    """A service that listens on this socket is in the registry for the duration of the block.

    Args:
        settings: of the registry.
        service: its name.
        sock: where it listens.
        state: of its app's lifespan, which may name `ADDRESSES`.

    Raises:
        ConfigError: its address is not known.
    """
    address = settings.address
    if not address:
        if sock.family == socket.AF_UNIX:
            raise ConfigError(["REGISTRY_ADDRESS is missing: nobody can call this app by its UNIX socket"])
        host, port, *_ = sock.getsockname()
        address = f"http://{reachable(settings.url, host, port)}"
    async with in_registry(settings, service, address, state):
        yield


@asynccontextmanager
async def in_registry(
    settings: RegistrySettings, service: str, address: str, state: Mapping[str, Any] = MappingProxyType({})
) -> AsyncIterator[None]:
    """A service at this address is in the registry for the duration of the block; see `registered`."""
    named: dict[str, str] = state.get(ADDRESSES, {})
    instances = [
        Instance(
            service=name,
            address=where,
            zone=settings.zone,
            weight=settings.weight,
            version=settings.version,
        )
        for name, where in {
            service: address,
            **{key: _beside(address, at) for key, at in named.items()},
        }.items()
    ]
    async with open_registry(settings.url) as registry:
        for instance in instances:
            registry.enter(instance)
        try:
            yield
        finally:
            await asyncio.gather(*map(registry.leave, instances))


def _beside(address: str, further: str) -> str:
    """A further address of a service; a host that stands for all of the machine becomes that of `address`."""
    parts = urlsplit(further)
    if parts.hostname not in UNSPECIFIED:
        return further
    host = urlsplit(address).hostname or ""
    return (
        f"{parts.scheme}://[{host}]:{parts.port}" if ":" in host else f"{parts.scheme}://{host}:{parts.port}"
    )


def reachable(url: str, host: str, port: int) -> str:
    """`host:port` for others; a host that stands for all becomes this machine's address towards the registry.

    Raises:
        ConfigError: the registry's URL is none.
    """
    if host in UNSPECIFIED:
        # Where all IPv6 addresses are listened to, all IPv4 ones are, too.
        host = _own_host(url, socket.AF_UNSPEC if ":" in host else socket.AF_INET)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _own_host(url: str, family: socket.AddressFamily) -> str:
    """The address of this machine towards the registry; its name while the registry's cannot be resolved."""
    first = url.partition(",")[0].strip()
    broker = urlsplit(first if "://" in first else f"nats://{first}")
    try:
        port = broker.port or NATS_PORT
    except ValueError as error:
        raise ConfigError([f"REGISTRY_URL: {error}"]) from None
    try:
        family, kind, _, _, address = socket.getaddrinfo(broker.hostname, port, family, socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind) as route:  # which sends nothing
            route.connect(address)
            return str(route.getsockname()[0])
    except OSError as error:
        name = socket.gethostname()
        log.warning(
            "this app is registered as %s: the way to %s is not known: %s", name, broker.hostname, error
        )
        return name
