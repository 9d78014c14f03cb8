"""A gateway in front of stubs, on real sockets, built directly."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from prometheus_client import generate_latest

from frontispiece.gateway.app import Gateway
from frontispiece.gateway.auth.oidc import Provider
from frontispiece.gateway.config import table
from frontispiece.gateway.observability.access_log import AccessLog
from frontispiece.gateway.policies.cache.config import CacheSettings
from frontispiece.gateway.policies.load_shedding import OverloadMonitor
from frontispiece.gateway.reload import ReloadResult
from frontispiece.gateway.runtime import Runtime
from frontispiece.security import Signer
from frontispiece.settings import Directory, RegistrySettings
from frontispiece.testing import new_signing_key
from tests.support.issuer import Issuer
from tests.support.serving import Serve, client_of, nobody_there
from tests.support.stub import Stub


@cache
def any_key() -> str:
    """A key for gateways whose services do not look at what it signs."""
    return new_signing_key()


def gateway_of(
    routes: str,
    services: Mapping[str, str],
    *,
    key: str | None = None,
    issuer: Issuer | None = None,
    caching: CacheSettings | None = None,
    expose_timeline: bool = False,
    origins: Sequence[str] = (),
    access_log: AccessLog | None = None,
    valkey_url: str = "off",
    load: OverloadMonitor | None = None,
    known_clients: Sequence[str] = (),
    registry: RegistrySettings | None = None,
) -> Gateway:
    """A gateway with this table, in front of services at these addresses."""
    runtime = Runtime(
        Directory(services=dict(services), registry=registry or RegistrySettings()),
        signer=Signer(key or any_key(), "gateway"),
        provider=Provider(issuer.settings) if issuer else None,
        cache=caching,
        expose_timeline=expose_timeline,
        origins=origins,
        access_log=access_log,
        valkey_url=valkey_url,
        overload=load,
        known_clients=known_clients,
    )
    return Gateway(table.parse(routes), runtime)


class World:
    """A gateway, a client of it, and the stubs behind it: `world.things` is the service `things`."""

    def __init__(
        self, gateway: Gateway, url: str, services: Mapping[str, str], stubs: dict[str, Any]
    ) -> None:
        self.gateway = gateway
        self.url = url
        self.http = client_of(url)
        self.services = services
        """Where the services are."""
        self.stubs = stubs
        self.written: list[str] = []
        """The table's file, as it were: the last is what it says now."""

    def __getattr__(self, name: str) -> Stub:
        stub: Stub | None = self.__dict__.get("stubs", {}).get(name)
        if stub is None:
            raise AttributeError(name)
        return stub

    async def serve_table(self, text: str) -> bool:
        """Have the gateway serve another table; says whether it does."""
        return await self.gateway.serve_table(table.parse(text))

    async def reload(self, text: str) -> ReloadResult:
        """Write this to the table's file and have it read."""
        assert self.gateway.reloader is not None
        self.written.append(text)
        return await self.gateway.reloader.reload("a test")

    def metric(self, name: str, **labels: str) -> float | None:
        """A number that operators see."""
        return self.gateway.runtime.metrics.registry.get_sample_value(name, labels)

    def metrics(self, prefix: str = "") -> list[str]:
        """The lines that operators see of metrics whose names begin like this."""
        lines = generate_latest(self.gateway.runtime.metrics.registry).decode().splitlines()
        return [line for line in lines if line.startswith(prefix)]


OpenWorld = Callable[..., Awaitable[World]]


@asynccontextmanager
async def worlds(serve: Serve, **usual: Any) -> AsyncIterator[OpenWorld]:
    """`world = await open_world(routes, things=app)`, with the keywords of `gateway_of` as well.

    A service of the table that is not given is a new stub, and `gone` is nowhere; `reloads` lets the
    gateway reload from `world.written`.
    """
    opened: list[World] = []
    names = (gateway_of.__kwdefaults__ or {}).keys()

    async def open_world(routes: str, *, reloads: bool = False, **given: Any) -> World:
        options = {name: given.pop(name) for name in names & given.keys()}
        urls = {url for service in table.parse(routes).services.values() for url in service.url}
        registered = [urlsplit(url).netloc for url in urls if url.startswith("registry:")]
        apps = {name: Stub() for name in registered if name != "gone"} | given
        stubs = {name: app for name, app in apps.items() if not isinstance(app, str)}
        services = {"gone": nobody_there()} | {n: url for n, url in apps.items() if isinstance(url, str)}
        services |= {name: await serve(app) for name, app in stubs.items()}
        gateway = gateway_of(routes, services, **(usual | options))
        written = [routes]
        if reloads:
            gateway.enable_reload(lambda: table.parse(written[-1]))
        opened.append(World(gateway, await serve(gateway), services, stubs))
        opened[-1].written = written
        return opened[-1]

    yield open_world
    for world in opened:
        await world.http.aclose()
