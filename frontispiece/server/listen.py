"""The servers of an app: its own and, beside the gateway's, those of the admin port and of native gRPC."""

from dataclasses import replace
from functools import partial
from socket import socket
from typing import TYPE_CHECKING, cast

from frontispiece.http.asgi import App
from frontispiece.server import GATEWAY
from frontispiece.server.child_process import STOP_TIMEOUT
from frontispiece.server.limits import DEFAULT_LIMITS
from frontispiece.server.server import Listening, Server, Shutdown
from frontispiece.server.sockets import bound
from frontispiece.settings import RegistrySettings

if TYPE_CHECKING:
    from frontispiece.gateway.app import Gateway


def stop_timeout(name: str) -> float:
    """Seconds after which a process of this app ends once it was told to stop.

    Raises:
        ConfigError: the settings of the gateway or of the registry are invalid.
    """
    if name != GATEWAY:
        return RegistrySettings().drain_delay + STOP_TIMEOUT
    from frontispiece.gateway.server_settings import ServerSettings  # noqa: PLC0415 (other apps do without the gateway)

    return ServerSettings().stop_seconds + STOP_TIMEOUT


def _registering(name: str, app: App, sock: socket) -> Server:
    """The server of an app that is in the registry, if there is one, while it accepts requests."""
    settings = RegistrySettings()
    if not settings.url:
        return Server(name, app)
    from frontispiece.registry import registered  # noqa: PLC0415 (an extra)

    drain = Shutdown(drain_delay=settings.drain_delay)
    return Server(name, app, drain, registered=partial(registered, settings, name, sock))


def listeners(name: str, app: App, sock: socket, *, admin_sock: socket | None = None) -> list[Listening]:
    """The servers of an app, the public one first; settings add the gateway's admin port and decisions.

    Args:
        name: of the app.
        app: the app.
        sock: the bound socket of the public server.
        admin_sock: that of the admin port, where its address is bound already.

    Raises:
        ConfigError: the settings of the gateway or of the registry are invalid.
        PortTaken: the admin port is not free.
    """
    if name != GATEWAY:
        return [(_registering(name, app, sock), sock)]
    from frontispiece.gateway.admin import AdminSettings  # noqa: PLC0415 (other apps do without the gateway)
    from frontispiece.gateway.server_settings import ServerSettings  # noqa: PLC0415 (the same)

    gateway = cast("Gateway", app)
    settings, admin = ServerSettings(), AdminSettings()
    shutdown = Shutdown(
        begin_drain=gateway.begin_drain,
        drain_delay=settings.drain_delay,
        graceful_timeout=settings.graceful_timeout,
    )
    limits = replace(DEFAULT_LIMITS, keep_alive_timeout=settings.keep_alive_timeout)
    public = Server(GATEWAY, gateway, shutdown, gateway.reload_on_sighup, limits), sock
    found = [public]
    if admin.address is not None:
        host, port = admin.address
        app = gateway.admin_app(admin)
        at_once = Shutdown(begin_drain=app.begin_drain)
        found.append((Server("the admin port", app, at_once), admin_sock or bound(port, host)))
    if data_plane := gateway.runtime.data_plane:
        from frontispiece.gateway.grpc.decisions import Decisions  # noqa: PLC0415 (the same)

        found.append((Server("decisions about gRPC", Decisions(gateway)), data_plane.listen()))
    return found
