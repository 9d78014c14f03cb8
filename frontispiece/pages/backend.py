"""A backend for one kind of client: pages, and typed clients of the services that they aggregate.

```python
create_app = bff("bff-web", pages=[home, article], clients={Articles: "articles", Comments: "comments"})
```

`bff` returns the app's factory and does no I/O; settings are read when the factory is called. Such a factory
is what `frontispiece.toml`, `app://module:factory` addresses and `uvicorn --factory` take.
"""

import asyncio
import hmac
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from types import MappingProxyType
from typing import Any, Protocol, Self, get_type_hints

from fastapi import FastAPI

from frontispiece.errors import ConfigError
from frontispiece.pages.api import Api, ApiEndpoint, ApiParts
from frontispiece.pages.app import PageApp, create_app
from frontispiece.pages.callers import Callers
from frontispiece.pages.endpoint import Endpoint
from frontispiece.pages.page import Page
from frontispiece.pages.request import Provider
from frontispiece.pages.settings import AuthenticatedBffSettings, BffSettings
from frontispiece.security import Identity
from frontispiece.settings import Directory
from frontispiece.telemetry.loop_lag import LoopLag
from frontispiece.upstream import Context, Service, Unreachable, open_upstream
from frontispiece.upstream.client import UpstreamConnector


class Connector(Protocol):
    """Reaches one service for all requests: opened with `async with`, made without I/O."""

    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *exc: object) -> None: ...

    def bind(self, context: Context) -> Any:
        """The client for the calls of one request."""
        ...

    async def is_ready(self) -> bool:
        """Whether the service is ready."""
        ...


class ServiceType(Protocol):
    """A way to reach a service other than HTTP, such as `frontispiece.upstream.grpc.GrpcService`."""

    def connect(self, directory: Directory, client: type) -> Connector:
        """How clients of this class reach the service.

        Raises:
            LookupError: the directory has no address for it.
        """
        ...


class Bff:
    """The factory of a BFF's app; see `bff`."""

    def __init__(
        self,
        name: str,
        description: str,
        pages: Iterable[Page],
        clients: Mapping[Any, str | ServiceType],
        apis: Iterable[Api],
    ) -> None:
        self._name = name
        self._description = description
        self.pages = list(pages)
        self.apis = list(apis)
        self.clients = dict(clients)

    @property
    def services(self) -> list[str]:
        """The services that it reaches over HTTP, by their names in `SERVICES`."""
        return [service for service in self.clients.values() if isinstance(service, str)]

    @property
    def settings_class(self) -> type[BffSettings]:
        """The settings that the app reads from the environment."""
        declared: list[Page | Api] = [*self.pages, *self.apis]
        sources = [source for each in declared for source in each.sources]
        functions = [*(s.function for s in sources), *(view for page in self.pages for view in page.views)]
        if any(Identity in get_type_hints(function).values() for function in functions):
            return AuthenticatedBffSettings
        return BffSettings

    @property
    def _required(self) -> set[Any]:
        """The types that required sources of needed pages ask for."""
        pages = [page for page in self.pages if page.needed]
        required = [s.function for page in pages for s in page.sources if s.fallback is None]
        return {kind for function in required for kind in get_type_hints(function).values()}

    def __call__(self, settings: BffSettings | None = None) -> PageApp:
        """The app, with settings from the environment unless they are passed.

        Raises:
            ConfigError: a setting, an address or a page cannot work; every error is listed.
        """
        settings = settings or self.settings_class()
        connectors = self._connectors(settings.directory)
        shared = settings.shared_cache()
        callers = Callers(self._name, settings.tokens, settings.signing_key)
        loop_lag = LoopLag() if settings.max_loop_lag is not None else None

        @asynccontextmanager
        async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
            async with AsyncExitStack() as stack:
                for resource in (shared, loop_lag, *connectors.values()):
                    if resource is not None:
                        await stack.enter_async_context(resource)
                yield

        needed = {client: connector for client, connector in connectors.items() if client in self._required}

        async def ready() -> None:
            checks = await asyncio.gather(*(connector.is_ready() for connector in needed.values()))
            states = zip(needed, checks, strict=True)
            missing = [_name_of(self.clients[client], client) for client, is_ready in states if not is_ready]
            if missing:
                raise Unreachable(f"{', '.join(missing)} does not respond, or is not ready itself")

        providers: dict[Any, Provider] = {each: _provider(made) for each, made in connectors.items()}
        providers[Identity] = callers.required
        any_document = settings.accept_any_document

        def apis(pages: Sequence[Endpoint]) -> Iterator[ApiEndpoint]:
            parts = ApiParts(
                self._name,
                providers,
                callers.identify,
                shared,
                accept_any_document=any_document,
                pages=pages,
                secret=_secret(settings.signing_key),
            )
            return (endpoint for api in self.apis for endpoint in api.endpoints(parts))

        app = create_app(
            title=self._name,
            description=self._description,
            pages=self.pages,
            providers=providers,
            lifespan=lifespan,
            ready=ready,
            shared=shared,
            expose_timeline=settings.expose_timeline,
            identify=callers.identify,
            verifier=callers.verifier,
            apis=apis,
        )
        app.services = {
            _name_of(self.clients[client], client): connector
            if isinstance(connector, UpstreamConnector)
            else None
            for client, connector in connectors.items()
        }
        if loop_lag is not None and settings.max_loop_lag is not None:
            app.skip_optional_when(partial(loop_lag.exceeds, settings.max_loop_lag.total_seconds()))
        return app

    def _connectors(self, directory: Directory) -> dict[type, Connector]:
        connectors: dict[type, Connector] = {}
        errors = []
        for client, service in self.clients.items():
            try:
                if isinstance(service, str):
                    connectors[client] = _http_connector(service, directory, client)
                else:
                    connectors[client] = service.connect(directory, client)
            except (LookupError, ConfigError) as error:
                errors.append(str(error))
        if errors:
            raise ConfigError(errors)
        return connectors


def bff(
    name: str,
    *,
    pages: Iterable[Page],
    clients: Mapping[Any, str | ServiceType] = MappingProxyType({}),
    description: str = "",
    apis: Iterable[Api] = (),
) -> Bff:
    """The factory of an app that serves pages.

    Callers' internal tokens are verified once a request, and each service is called with a token signed for
    it. Only a BFF with a page that asks for `Identity` needs the settings for that: `TOKEN_ISSUERS` and
    `BFF_SIGNING_KEY`.

    The app is ready when every service is that a required source of a needed page asks for.

    Args:
        name: the service's name in the gateway's table: the audience of its callers' tokens and the issuer
            of its own.
        pages: what it serves.
        clients: the class of each client that pages may ask for, with its service: a name in `SERVICES`,
            whose client is made as `client(upstream.Service)`, or another `ServiceType`.
        description: one sentence for the OpenAPI document.
        apis: what it serves beside its pages, such as a `frontispiece.graphql.Graph`.
    """
    return Bff(name, description, pages, clients, apis)


def _secret(signing_key: str | None) -> bytes:
    """What can be made of the key by those alone who have it."""
    return hmac.digest(signing_key.encode(), b"the APIs of a BFF", "sha256") if signing_key else b""


def _name_of(service: str | ServiceType, client: type) -> str:
    return service if isinstance(service, str) else getattr(service, "name", client.__name__)


def _http_connector(service: str, directory: Directory, client: type) -> UpstreamConnector:
    upstream = open_upstream(service, f"registry://{service}", directory)
    return UpstreamConnector(upstream, lambda context: client(Service(upstream, context)))


def _provider(connector: Connector) -> Provider:
    return lambda request: connector.bind(request.context)
