"""The folder that the gateway and Envoy share: what Envoy reads, and the socket at which it asks."""

import asyncio
import json
import logging
import os
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from frontispiece.errors import ConfigError
from frontispiece.gateway.grpc import envoy
from frontispiece.settings import Settings

if TYPE_CHECKING:
    from frontispiece.gateway.snapshot import RoutingSnapshot

log = logging.getLogger(__name__)

OFF: Final = "off"

POLL_INTERVAL: Final = 0.2
"""Seconds between two looks at where services are."""

SETTLE: Final = 0.5
"""Seconds that Envoy has to learn of new clusters before calls are sent there."""

RUN_OUT: Final = 600.0
"""Seconds that a cluster stays for its running calls when the table does not lead there any more."""


class PlaneSettings(Settings):
    """Where native gRPC is decided."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_")

    grpc_plane: str = Field(
        OFF,
        description="The folder that the gateway shares with Envoy, which carries native gRPC: it is started "
        "as `envoy -c FOLDER/envoy.json`. `off`: native gRPC is not served.",
    )
    grpc_listen: str = Field(
        "127.0.0.1:8081", description="host:port to which clients send native gRPC: that of Envoy."
    )
    grpc_certificate: Path | None = Field(
        None,
        description="The file of its certificate chain, in PEM; without one it speaks HTTP/2 without TLS.",
    )
    grpc_key: Path | None = Field(None, description="The file of that certificate's private key, in PEM.")

    @field_validator("grpc_listen")
    @classmethod
    def _host_and_port(cls, text: str) -> str:
        host, _, port = text.rpartition(":")
        if not (host and port.isascii() and port.isdigit() and 0 < int(port) < 2**16):
            raise ValueError(f'{text!r} is no address: write "127.0.0.1:8081"')
        return text

    @model_validator(mode="after")
    def _has_both(self) -> Self:
        if (self.grpc_certificate is None) != (self.grpc_key is None):
            raise ValueError("GATEWAY_GRPC_CERTIFICATE and GATEWAY_GRPC_KEY go together")
        return self

    @property
    def plane(self) -> "Plane | None":
        """The plane; None where native calls are not served."""
        if self.grpc_plane == OFF:
            return None
        certificate, key = self.grpc_certificate, self.grpc_key
        return Plane(
            Path(self.grpc_plane), self.grpc_listen, (certificate, key) if certificate and key else None
        )


class Plane:
    """The files of one plane; every change is a rename, so that Envoy never reads half of one.

    Args:
        folder: for this user alone; made when missing.
        listen: `host:port` of Envoy.
        tls: its certificate chain and private key.
    """

    def __init__(self, folder: Path, listen: str, tls: tuple[Path, Path] | None = None) -> None:
        self.folder = folder.resolve()
        self._bootstrap = envoy.bootstrap(self.folder, listen, tls)
        self.is_open = False
        """Whether there is a table to decide by."""
        self.clusters: dict[str, str] = {}
        """The cluster of each service that calls may be sent to."""
        self._lock = asyncio.Lock()
        self._known: object = None
        """Where services were, and the limits of pauses, when they were last written."""
        self._left: dict[str, tuple[tuple[str, ...], float]] = {}
        """The addresses of clusters, and until when each is there; those in use have no end."""

    def prepare(self) -> Path:
        """Write what Envoy cannot start without; returns the file that it is started with."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name, empty in (("clusters.json", envoy.clusters([])), ("routes.json", envoy.routes([]))):
            if not (self.folder / name).exists():
                self._write(name, empty)
        return self._write("envoy.json", self._bootstrap)

    def listen(self) -> socket.socket:
        """The bound socket of the decisions, in place of that of an earlier gateway."""
        self.prepare()
        path = self.folder / f"decisions.{os.getpid()}"
        path.unlink(missing_ok=True)
        sock = socket.socket(socket.AF_UNIX)
        sock.bind(str(path))
        path.chmod(0o600)
        path.replace(self.folder / "decisions.sock")
        return sock

    async def follow(self, snapshot: "RoutingSnapshot") -> None:
        """Have Envoy know what calls on the table's native routes need, before they come."""
        async with self._lock:
            await self._follow(snapshot)

    @asynccontextmanager
    async def following(self, current: Callable[[], "RoutingSnapshot"]) -> AsyncIterator[None]:
        """Within, Envoy learns where services are that move: those in the registry, or behind names."""

        async def watch() -> None:
            failure = ""
            while True:
                await asyncio.sleep(POLL_INTERVAL)
                async with self._lock:
                    try:
                        await self._follow(current())
                        failure = ""
                    except (OSError, ConfigError) as error:
                        if str(error) != failure:
                            log.warning("Envoy does not learn where services are: %s", error)
                        failure = str(error)

        task = asyncio.create_task(watch())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _follow(self, snapshot: "RoutingSnapshot") -> None:
        native = [route for route in snapshot.table.routes if route.is_native]
        services = sorted({route.to.service for route in native if route.to})
        where = {name: tuple(sorted(snapshot.upstreams[name].addresses)) for name in services}
        timeouts = sorted({int(route.timeout.total_seconds() * 1000) for route in native})
        if self.is_open and (where, timeouts) == self._known:
            return
        names = {name: envoy.cluster_name(name, addresses) for name, addresses in where.items()}
        used = {names[name]: addresses for name, addresses in where.items()}
        now, new = time.monotonic(), used.keys() - self._left.keys()
        left = {name: (each, min(until, now + RUN_OUT)) for name, (each, until) in self._left.items()}
        left = {name: each for name, each in left.items() if each[1] > now}
        left |= {name: (addresses, float("inf")) for name, addresses in used.items()}
        clusters = envoy.clusters((name, addresses) for name, (addresses, _) in left.items())
        self._write("routes.json", envoy.routes(timeouts))
        self._write("clusters.json", clusters)
        self._left = left
        if new and self.is_open:
            await asyncio.sleep(SETTLE)
        self.clusters.update(names)
        self._known = where, timeouts
        self.is_open = True

    def _write(self, name: str, content: Any) -> Path:
        path = self.folder / name
        text = json.dumps(content, indent=1)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            written = self.folder / f".{name}.{os.getpid()}"
            written.write_text(text, encoding="utf-8")
            written.replace(path)
        return path
