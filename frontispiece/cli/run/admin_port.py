"""The admin port of `front up`: on loopback, and found by commands through the data folder."""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import socket
from typing import Final

import msgspec

from frontispiece.cli.project import Project
from frontispiece.cli.run import secrets
from frontispiece.cli.run.secrets import ADMIN_TOKEN
from frontispiece.errors import ConfigError
from frontispiece.gateway.admin import OFF, OTLP, AdminSettings, export_token
from frontispiece.server import GATEWAY
from frontispiece.server.sockets import LOOPBACK, PortTaken, address, bound

DEFAULT_PORT: Final = 9100
FILE: Final = "admin_port"
"""In the data folder while the project runs: `host:port`."""

ADDRESS: Final = "GATEWAY_ADMIN"


@dataclass(frozen=True, kw_only=True, slots=True)
class AdminPort:
    """An admin port whose socket listens already, so that no other program takes it before the gateway does.

    Args:
        sock: the socket; None without an admin port.
        token: that its callers need.
    """

    sock: socket | None
    token: str

    @property
    def url(self) -> str | None:
        """Where it is; None without one."""
        return f"http://{address(self.sock)}" if self.sock else None

    @property
    def variables(self) -> dict[str, str]:
        """The gateway's variables."""
        return {ADDRESS: OFF if self.sock is None else address(self.sock), ADMIN_TOKEN: self.token}

    @property
    def export_variables(self) -> dict[str, str]:
        """The variables by which apps, in any language, export traces and logs to its console."""
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"{self.url}{OTLP.rstrip('/')}",
            "OTEL_EXPORTER_OTLP_HEADERS": f"Authorization=Bearer%20{export_token(self.token)}",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        }


@contextmanager
def admin_port(
    project: Project, data: Path, port: int | None, stored: Mapping[str, str], *, enabled: bool
) -> Iterator[AdminPort]:
    """The admin port for the duration of the block.

    Args:
        project: whose variables may name the address.
        data: the folder that says where it is while it is open.
        port: on loopback, 0 for any free one. When left out: `GATEWAY_ADMIN`, else 9100, or a free one when
            that is taken.
        stored: secrets with the token, unless `GATEWAY_ADMIN_TOKEN` is set.
        enabled: whether there is one.

    Raises:
        ConfigError: the address or the token is invalid.
        PortTaken: a port that was named is not free.
    """
    file, token = data / FILE, os.environ.get(ADMIN_TOKEN) or stored[ADMIN_TOKEN]
    named = os.environ.get(ADDRESS) or project.declared(GATEWAY).get(ADDRESS)
    file.unlink(missing_ok=True)
    with ExitStack() as stack:
        if (sock := _socket(port, named, token) if enabled else None) is not None:
            stack.enter_context(sock)
            file.write_text(address(sock), encoding="ascii")
            stack.callback(file.unlink, missing_ok=True)
        yield AdminPort(sock=sock, token=token)


def opened_by(data: Path) -> tuple[str, str] | None:
    """The address and the token of the admin port of the run that has a data folder; None without one.

    Raises:
        ConfigError: that run has ended without a word; another program may have its port now.
    """
    try:
        where = (data / FILE).read_text(encoding="ascii")
        stored = msgspec.json.decode((data / secrets.FILE).read_bytes(), type=dict[str, str])
    except FileNotFoundError:
        return None
    if not _is_locked(data):
        raise ConfigError([f"{data}: the run that had it has crashed, and nothing runs now: start it again"])
    return where, os.environ.get(ADMIN_TOKEN) or stored[ADMIN_TOKEN]


def _is_locked(data: Path) -> bool:
    """Whether a run has a data folder."""
    try:
        with (data / "lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        pass
    return False


def _socket(port: int | None, named: str | None, token: str) -> socket | None:
    if port is not None:
        return _listening(port)
    if named:
        where = AdminSettings(admin=named, admin_token=token).address
        return where and _listening(where[1], where[0])
    try:
        return _listening(DEFAULT_PORT)
    except PortTaken:
        return _listening(0)


def _listening(port: int, host: str = LOOPBACK) -> socket:
    """A bound socket that listens: one that is only bound does not keep others from its port."""
    sock = bound(port, host)
    try:
        sock.listen()
    except OSError as fault:
        sock.close()
        raise PortTaken(f"Port {port} on {host} is not free ({fault.strerror}): choose another.") from None
    return sock
