"""The servers of a role: its own, and beside the gateway's that of the admin port."""

from socket import socket
from typing import TYPE_CHECKING, cast

from front import server
from front.roles import GATEWAY, create
from front.server import Listening, Server
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


def of_role(role: str, sock: socket) -> list[Listening]:
    """What listens for a role, the public one first; the admin port is there when `GATEWAY_ADMIN` says where.

    Raises:
        Faulty: the settings cannot work.
        PortTaken: the admin port cannot be had.
    """
    app = create(role)
    public = Server(role, app), sock
    if role != GATEWAY:
        return [public]
    from gateway.admin import AdminSettings  # noqa: PLC0415 (the services' processes do without the gateway)

    if (address := AdminSettings().address) is None:
        return [public]
    host, port = address
    return [public, (Server("the admin port", cast("Gateway", app).admin_app()), bound(port, host))]
