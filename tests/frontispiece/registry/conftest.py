"""Instances of a service that register themselves at a real NATS server; a broker that a test kills."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from frontispiece.events import EventSettings
from frontispiece.http.asgi import App
from frontispiece.registry import registered
from frontispiece.registry import registry as module
from frontispiece.server.server import Server, Shutdown
from frontispiece.server.sockets import address, bound
from frontispiece.settings import RegistrySettings
from tests.frontispiece.events.conftest import broker
from tests.support.stub import Stub, answering

__all__ = ["broker"]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signs of life come twenty times as often."""
    monkeypatch.setattr(module, "HEARTBEAT", 0.1)
    monkeypatch.setattr(module, "TTL", 1.0)
    monkeypatch.setattr(module, "SILENCE", 0.5)


@dataclass(kw_only=True)
class Instances:
    """Servers of the service `things`, each of which answers with its address."""

    url: str
    running: dict[str, tuple[Server, "asyncio.Task[None]"]] = field(default_factory=dict)

    async def start(self, app: App | None = None, **settings: Any) -> str:
        """Start one; returns its address."""
        sock = bound()
        where = f"http://{address(sock)}"
        entered = partial(registered, RegistrySettings(url=self.url, **settings), "things", sock)
        server = Server(
            "things",
            app or Stub(answering(200, where.encode())),
            Shutdown(drain_delay=0.2),
            registered=entered,
        )
        serving = asyncio.create_task(server.serve(sock))
        await server.until_started(serving)
        self.running[where] = server, serving
        return where

    async def stop(self, where: str) -> None:
        """Stop one gracefully."""
        server, serving = self.running.pop(where)
        server.stop()
        await serving


@asynccontextmanager
async def instances_at(url: str) -> AsyncIterator[Instances]:
    instances = Instances(url=url)
    try:
        yield instances
    finally:
        for where in [*instances.running]:
            await instances.stop(where)


@pytest.fixture
async def instances(event_settings: EventSettings) -> AsyncIterator[Instances]:
    async with instances_at(event_settings.url) as running:
        yield running
