"""The admin port of `front up`, on loopback."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from socket import socket
from typing import Final

from frontispiece.cli.project import Project
from frontispiece.cli.run.secrets import ADMIN_TOKEN
from frontispiece.gateway.admin import OFF, OTLP, AdminSettings, export_token
from frontispiece.server import GATEWAY
from frontispiece.server.sockets import LOOPBACK, PortTaken, address, bound
from frontispiece.settings import value_of

DEFAULT_PORT: Final = 9100

ADDRESS: Final = "GATEWAY_ADMIN"


@dataclass(frozen=True, kw_only=True, slots=True)
class AdminPort:
    """An admin port whose socket listens already, so that no other program takes it before the gateway does.

    Args:
        sock: the socket; None without an admin port.
    """

    sock: socket | None
    token: str

    @property
    def address(self) -> str | None:
        """`host:port`; None without one."""
        return address(self.sock) if self.sock else None

    @property
    def url(self) -> str | None:
        """Where it is; None without one."""
        return f"http://{self.address}" if self.address else None

    @property
    def variables(self) -> dict[str, str]:
        """The gateway's variables."""
        return {ADDRESS: self.address or OFF, ADMIN_TOKEN: self.token}

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
    project: Project, port: int | None, stored: Mapping[str, str], *, enabled: bool
) -> Iterator[AdminPort]:
    """The admin port for the duration of the block.

    Its port is `port`, 0 for any free one; when left out that of `GATEWAY_ADMIN`, else 9100, or a free one
    when that is taken. `stored` has the token, unless `GATEWAY_ADMIN_TOKEN` is set.

    Raises:
        ConfigError: the address or the token is invalid.
        PortTaken: a port that was named is not free.
    """
    token = value_of(ADMIN_TOKEN) or stored[ADMIN_TOKEN]
    named = value_of(ADDRESS) or project.declared(GATEWAY).get(ADDRESS)
    with (_socket(port, named, token) if enabled else None) or nullcontext() as sock:
        yield AdminPort(sock=sock, token=token)


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
