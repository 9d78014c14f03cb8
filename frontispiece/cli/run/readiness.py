"""Whether all apps of a project are ready."""

import asyncio
import logging
import socket
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import httpx

from frontispiece.cli.run.environment import Run
from frontispiece.errors import UserError
from frontispiece.http.client import new_client
from frontispiece.server import GATEWAY
from frontispiece.server.sockets import refusal_at

log = logging.getLogger(__name__)

READY_TIMEOUT = 120.0
WARN_AFTER = 10.0
"""Seconds after which a start says what it waits for."""

Probe = Callable[[], Coroutine[Any, Any, str | None]]
"""Returns why an app is not ready, and None when it is."""


async def wait_ready(
    run: Run, check: Callable[[], None], sockets: Mapping[str, socket.socket] = MappingProxyType({})
) -> None:
    """Return when every app is ready.

    `check` is called again and again until then. `sockets` are those that apps in processes of their own
    listen on once they have started.

    Raises:
        ChildFailed: `check` found that a child process ended.
        UserError: an app was not ready in time; the message says what was missing.
    """
    begun, warned = time.monotonic(), False
    async with new_client() as http:
        for reason in (*(_listens(name, sock) for name, sock in sockets.items()), *_probes(run, http)):
            while (missing := await reason()) is not None:
                check()
                waited = time.monotonic() - begun
                if waited > READY_TIMEOUT:
                    raise UserError(missing)
                if waited > WARN_AFTER and not warned:
                    log.warning("still waiting, for %g s at most: %s", READY_TIMEOUT, missing)
                    warned = True
                await asyncio.sleep(0.05)


def _probes(run: Run, http: httpx.AsyncClient) -> Iterator[Probe]:
    """Functions that return why an app is not ready, and None when it is."""
    for name, app in run.project.apps.items():
        if app.health and name in run.hosts:
            yield _probe(
                http, name, f"http://{run.hosts[name]}{app.health}", lambda status: status == httpx.codes.OK
            )
        elif app.command:
            yield accepts_connections(name, run.hosts[name])
    if run.grpc:
        yield accepts_connections("Envoy", run.grpc)
    for path in ("/health/ready", *run.project.gateway.ready):
        yield _probe(http, GATEWAY, run.url + path, lambda status: not httpx.codes.is_server_error(status))


def _probe(http: httpx.AsyncClient, name: str, url: str, is_ready: Callable[[int], bool]) -> Probe:
    async def reason() -> str | None:
        try:
            response = await http.get(url)
        except (httpx.TransportError, httpx.InvalidURL) as error:
            return f"{name} gives no answer: {error}"
        if is_ready(response.status_code):
            return None
        return f"{name} is not ready: {url} answers {response.status_code}: {response.text[:500]}"

    return reason


def _listens(name: str, sock: socket.socket) -> Probe:
    async def reason() -> str | None:
        listens = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        return None if listens else f"{name} has not started"

    return reason


def accepts_connections(name: str, where: str) -> Probe:
    """Why a program does not listen at HOST:PORT."""

    async def reason() -> str | None:
        error = await refusal_at(where)
        return error and f"{name} does not listen on {where}: {error}"

    return reason
