"""The data plane of native gRPC: Envoy, which carries the calls that the gateway decides about.

The two share a folder: in it are the files that Envoy reads, and the socket at which it asks.
"""

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

from frontispiece.aio import periodic
from frontispiece.errors import ConfigError
from frontispiece.gateway.grpc import envoy
from frontispiece.gateway.grpc.clusters import (
    Place,
    cluster,
    cluster_name,
    clusters,
    host_and_port,
    numeric,
    place_of,
)
from frontispiece.settings import Settings

if TYPE_CHECKING:
    from frontispiece.gateway.snapshot import RoutingSnapshot

log = logging.getLogger(__name__)

OFF: Final = "off"

POLL_INTERVAL: Final = 0.2
"""Seconds between two checks for instances that have changed."""

UPDATE_DELAY: Final = 0.5
"""Seconds that Envoy has to read new clusters before calls are sent there."""

DRAIN_TIME: Final = 10.0
"""Seconds that a cluster stays for calls whose decision or connection is under way when the table does not
lead there any more; those that run go on without it."""

MAX_FOLDER: Final = 107 - len("/decisions.4194304")
"""Bytes of the folder's path: the system allows 107 for that of a socket file in it."""


class DataPlaneSettings(Settings):
    """Where native gRPC is decided."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_")

    grpc_folder: str = Field(
        OFF,
        description="The folder that the gateway shares with Envoy, which carries native gRPC: it is started "
        "as `envoy -c FOLDER/envoy.json`. `off` or empty: native gRPC is not served.",
    )
    grpc_listen: str = Field(
        "127.0.0.1:8081",
        description="The numeric address and the port to which clients send native gRPC: those of Envoy.",
    )
    grpc_certificate: Path | None = Field(
        None,
        description="The file of its certificate chain, in PEM; without one it speaks HTTP/2 without TLS.",
    )
    grpc_key: Path | None = Field(None, description="The file of that certificate's private key, in PEM.")

    @field_validator("grpc_folder")
    @classmethod
    def _has_place_for_sockets(cls, folder: str) -> str:
        if not folder:
            return OFF
        if folder != OFF and len(os.fsencode(Path(folder).absolute())) > MAX_FOLDER:
            raise ValueError(f"its path is too long for the socket file in it: at most {MAX_FOLDER} bytes")
        return folder

    @field_validator("grpc_listen")
    @classmethod
    def _is_numeric(cls, text: str) -> str:
        found = host_and_port(text)
        if found is None or not numeric(found[0]):
            raise ValueError(
                f"{text!r} is no numeric address with a port: write 127.0.0.1:8081 or [::1]:8081"
            )
        return text

    @field_validator("grpc_certificate", "grpc_key", mode="before")
    @classmethod
    def _empty_as_none(cls, path: object) -> object:
        return path or None

    @model_validator(mode="after")
    def _has_both(self) -> Self:
        if (self.grpc_certificate is None) != (self.grpc_key is None):
            raise ValueError("GATEWAY_GRPC_CERTIFICATE and GATEWAY_GRPC_KEY go together")
        return self

    @property
    def data_plane(self) -> "DataPlane | None":
        """The data plane; None where native calls are not served."""
        if self.grpc_folder == OFF:
            return None
        certificate, key = self.grpc_certificate, self.grpc_key
        return DataPlane(
            Path(self.grpc_folder), self.grpc_listen, (certificate, key) if certificate and key else None
        )


def native_services(snapshot: "RoutingSnapshot") -> dict[str, tuple[Place, ...]]:
    """The services that native routes lead to, with their instances."""
    names = {route.to.service for route in snapshot.native_routes if route.to}
    return {
        name: tuple(sorted(map(place_of, snapshot.upstreams[name].addresses.values())))
        for name in sorted(names)
    }


class DataPlane:
    """The files of Envoy; every change is a rename, so that it never reads half of one.

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
        """The cluster of each service that calls may be sent to, without the group of the caller."""
        self._lock = asyncio.Lock()
        self._known: object = None
        """Where services were, and the limits of pauses, when they were last written."""
        self._written: dict[str, tuple[tuple[Place, ...], float]] = {}
        """The instances of the clusters that Envoy has, and until when; those in use have no end."""

    def prepare(self) -> Path:
        """Write what Envoy cannot start without; returns the file that it is started with."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name, empty in (("clusters.json", clusters([])), ("routes.json", envoy.routes([]))):
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
        """Have Envoy know what calls on the table's native routes need, before they come.

        Raises:
            ConfigError: Envoy cannot call an address of the table.
        """
        services = snapshot.table.services
        for service, places in native_services(snapshot).items():
            cluster(service, [each for each in places if each[0] in services[service].url], {})
        async with self._lock:
            await self._follow(snapshot)

    @asynccontextmanager
    async def following(self, current: Callable[[], "RoutingSnapshot"]) -> AsyncIterator[None]:
        """Within, Envoy learns where services are that move: those in the registry, or behind names."""

        async def follow() -> None:
            async with self._lock:
                await self._follow(current())

        async with periodic(
            follow, POLL_INTERVAL, name="the update of Envoy's clusters", expected=(OSError,)
        ):
            yield

    async def _follow(self, snapshot: "RoutingSnapshot") -> None:
        timeouts = sorted({int(route.timeout.total_seconds() * 1000) for route in snapshot.native_routes})
        places = native_services(snapshot)
        has_ended = any(until <= time.monotonic() for _, until in self._written.values())
        if self.is_open and (places, timeouts) == self._known and not has_ended:
            return
        used = {service: self._callable(service, each) for service, each in places.items()}
        names = {service: cluster_name(service, each) for service, each in used.items()}
        has_new = self._write_tables({names[service]: each for service, each in used.items()}, timeouts)
        if has_new and self.is_open:
            await asyncio.sleep(UPDATE_DELAY)
        self.clusters.update(names)
        self._known = places, timeouts
        self.is_open = True

    def _callable(self, service: str, places: tuple[Place, ...]) -> tuple[Place, ...]:
        """Its instances; when Envoy cannot call one, those of its last cluster, or none."""
        try:
            cluster(service, places, {})
        except ConfigError as fault:
            log.warning("native calls to %s go where it was before: %s", service, fault)
            return self._written.get(self.clusters.get(service, ""), ((), 0.0))[0]
        return places

    def _write_tables(self, used: dict[str, tuple[Place, ...]], timeouts: list[int]) -> bool:
        """Write the clusters in use, those that may have running calls, and the limits of pauses.

        Returns:
            whether there are clusters that Envoy has to learn of.
        """
        now = time.monotonic()
        left = {name: (each, min(until, now + DRAIN_TIME)) for name, (each, until) in self._written.items()}
        present = {name: each for name, each in left.items() if each[1] > now}
        present |= {name: (each, float("inf")) for name, each in used.items()}
        self._write("routes.json", envoy.routes(timeouts))
        self._write("clusters.json", clusters((name, each) for name, (each, _) in present.items()))
        has_new = bool(present.keys() - self._written.keys())
        self._written = present
        return has_new

    def _write(self, name: str, content: Any) -> Path:
        path = self.folder / name
        text = json.dumps(content, indent=1)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            written = self.folder / f".{name}.{os.getpid()}"
            written.write_text(text, encoding="utf-8")
            written.replace(path)
        return path
