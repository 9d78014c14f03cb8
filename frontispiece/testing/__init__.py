"""A pytest plugin for projects: fake services, callers, BFFs and gateways under test, the whole project.

Stability: provisional.

```python
pytest_plugins = ("frontispiece.testing",)  # in tests/conftest.py


async def test_a_note_is_shown(upstreams: Upstreams, serve_bff: ServeBff) -> None:
    upstreams["notes"].get("/notes/1").respond(json={"id": "1", "text": "Buy ink"})

    async with serve_bff(create_app) as client:
        response = await client.get("/notes/1")

    assert response.json() == {"text": "Buy ink"}
```
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import Final

from frontispiece.extras import extra

with extra("testing"):
    import httpx
    import pytest
    import respx  # noqa: F401 (a part of the extra that is used elsewhere)

from frontispiece.factories import attribute
from frontispiece.gateway import own_layers
from frontispiece.gateway.app import create_app as create_gateway
from frontispiece.gateway.config.table import load
from frontispiece.gateway.pipeline import POLICIES
from frontispiece.pages import Bff
from frontispiece.security import new_signing_key
from frontispiece.testing.access_tokens import AccessTokens
from frontispiece.testing.clock import Clock, leaping_clock
from frontispiece.testing.contracts import States, VerifyContracts, breaches, staging
from frontispiece.testing.hostile import hostile_paths, hostile_requests, send_hostile_requests
from frontispiece.testing.identities import Identities
from frontispiece.testing.running import RunningProject, running_project, started
from frontispiece.testing.serving import (
    ServeBff,
    ServeGateway,
    listening,
    served_bff,
    served_gateway,
    set_environment,
)
from frontispiece.testing.upstreams import Upstreams, fake_upstreams

__all__ = [
    "AccessTokens",
    "Clock",
    "Identities",
    "RunningProject",
    "ServeBff",
    "ServeGateway",
    "States",
    "Upstreams",
    "VerifyContracts",
    "access_tokens",
    "clock",
    "hostile_paths",
    "hostile_requests",
    "identities",
    "listening",
    "new_signing_key",
    "running_project",
    "send_hostile_requests",
    "serve_bff",
    "serve_gateway",
    "staging",
    "started",
    "upstreams",
    "verify_contracts",
]

MOUNTED: Final = "app://"
REGISTRY: Final = "registry://"


@pytest.fixture(scope="session")
def identities() -> Identities:
    """The gateway's signing key, and the internal tokens of callers."""
    return Identities()


@pytest.fixture
def access_tokens(tmp_path: Path) -> AccessTokens:
    """An issuer of access tokens, with its key set in a file."""
    return AccessTokens(tmp_path / "jwks.json")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    """Moves the time on: `clock.advance(60)`."""
    with leaping_clock(monkeypatch) as clock:
        yield clock


@pytest.fixture
def upstreams() -> Iterator[Upstreams]:
    """Fake services by name; calls to loopback reach real servers."""
    with fake_upstreams() as fakes:
        yield fakes


@pytest.fixture
def serve_bff(upstreams: Upstreams, identities: Identities, monkeypatch: pytest.MonkeyPatch) -> ServeBff:
    """A function that serves a BFF in front of the fake services, and gives a client of it.

    It takes the factory that `bff` returns, further `variables` of the environment, and as keywords the
    addresses of services that a test starts itself.
    """

    def serve(
        create_app: Bff, variables: Mapping[str, str] | None = None, **addresses: str
    ) -> AbstractAsyncContextManager[httpx.AsyncClient]:
        services = upstreams.addresses(create_app.services) | addresses
        set_environment(monkeypatch, services, identities.variables, variables)
        return served_bff(create_app)

    return serve


@pytest.fixture
def serve_gateway(
    upstreams: Upstreams,
    identities: Identities,
    access_tokens: AccessTokens,
    monkeypatch: pytest.MonkeyPatch,
) -> ServeGateway:
    """A function that serves a gateway in front of the fake services, and gives a client of it.

    It takes the file of the route table, further `variables` of the environment, and as keywords the
    addresses of services that a test starts itself, or mounts: `web="app://web.app:create_app"`. The gateway
    accepts the tokens of `access_tokens`.
    """

    def serve(
        routes: Path, variables: Mapping[str, str] | None = None, **addresses: str
    ) -> AbstractAsyncContextManager[httpx.AsyncClient]:
        declared = (variables or {}).get("GATEWAY_LAYERS")
        layers = (
            own_layers.load(Path(declared), POLICIES) if declared else own_layers.of_table(routes, POLICIES)
        )
        table = load(routes, own_layers.models(layers))
        urls = (url for service in table.services.values() for url in service.url)
        found = {url.removeprefix(REGISTRY).partition("@")[0] for url in urls if url.startswith(REGISTRY)}
        names = {*found, *_services_of_mounted(addresses.values())}
        services = upstreams.addresses(names) | addresses
        issuer = access_tokens.variables
        own = {"GATEWAY_ROUTES": str(routes), "GATEWAY_WATCH": "false", **issuer, **(variables or {})}
        set_environment(monkeypatch, services, identities.variables, own)
        return served_gateway(create_gateway)

    return serve


@pytest.fixture
def verify_contracts(pytestconfig: pytest.Config) -> VerifyContracts:
    """A function that says what apps on a stage break of the contracts in `contracts/`; see `staging`."""
    return partial(breaches, pytestconfig.rootpath / "contracts")


def _services_of_mounted(addresses: Iterable[str]) -> Iterator[str]:
    """The services that mounted BFFs reach."""
    for address in addresses:
        if address.startswith(MOUNTED):
            app = attribute(address.removeprefix(MOUNTED))
            yield from app.services if isinstance(app, Bff) else ()
