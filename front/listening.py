"""The servers of a role: its own, and beside the gateway's that of the admin port."""

from socket import socket
from typing import TYPE_CHECKING, cast

from front import server
from front.child import STOPS_WITHIN
from front.roles import GATEWAY, create
from front.server import Ending, Listening, Server
from front.sockets import bound

if TYPE_CHECKING:
    from gateway.app import Gateway


def serve(role: str, sock: socket) -> None:
    """Run a role in this process until SIGINT or SIGTERM.

    Raises:
        Faulty: the settings cannot work.
        NotStarted: it could not start.
        PortTaken: the admin port cannot be had.
    """
    public, *beside = of_role(role, sock)
    server.serve(public, beside)


def stops_within(role: str) -> float:
    """Seconds after which a process of this role that was told to stop has ended.

    Raises:
        Faulty: the settings cannot work.
    """
    if role != GATEWAY:
        return STOPS_WITHIN
    from gateway.stopping import StopSettings  # noqa: PLC0415 (the services' processes do without the gateway)

    return StopSettings().seconds + STOPS_WITHIN


def of_role(role: str, sock: socket) -> list[Listening]:
    """What listens for a role, the public one first; the admin port is there when `GATEWAY_ADMIN` says where.

    Raises:
        Faulty: the settings cannot work.
        PortTaken: the admin port cannot be had.
    """
    app = create(role)
    if role != GATEWAY:
        return [(Server(role, app), sock)]
    return _gateway(cast("Gateway", app), sock)


def _gateway(gateway: "Gateway", sock: socket) -> list[Listening]:
    from gateway.admin import AdminSettings  # noqa: PLC0415 (the services' processes do without the gateway)
    from gateway.stopping import StopSettings  # noqa: PLC0415 (the same)

    stop, admin = StopSettings(), AdminSettings()
    ending = Ending(begin=gateway.begin_stop, notice=stop.stop_notice, within=stop.stops_within)
    public = Server(GATEWAY, gateway, ending, hung_up=gateway.hang_up), sock
    if admin.address is None:
        return [public]
    host, port = admin.address
    return [public, (Server("the admin port", gateway.admin_app(admin)), bound(port, host))]
