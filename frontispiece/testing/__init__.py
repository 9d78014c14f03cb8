"""A pytest plugin for projects: fake services, callers, BFFs and gateways under test, the whole project.

```python
pytest_plugins = ("frontispiece.testing",)  # in tests/conftest.py


async def test_a_note_is_shown(upstreams: Upstreams, serve_bff: ServeBff) -> None:
    upstreams["notes"].get("/notes/1").respond(json={"id": "1", "text": "Buy ink"})

    async with serve_bff(create_app) as client:
        response = await client.get("/notes/1")

    assert response.json() == {"text": "Buy ink"}
```
"""

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from frontispiece.extras import extra

with extra("testing"):
    import httpx
    import pytest
    import respx

from frontispiece.pages import Bff
from frontispiece.testing.access_tokens import AccessTokens
from frontispiece.testing.hostile import hostile_paths, hostile_requests, send_hostile_requests
from frontispiece.testing.identities import Identities, new_signing_key
from frontispiece.testing.running import RunningProject, running_project, started
from frontispiece.testing.serving import ServeBff, ServeGateway, listening, served_bff, served_gateway
from frontispiece.testing.upstreams import Upstreams

__all__ = [
    "AccessTokens",
    "Identities",
    "RunningProject",
    "ServeBff",
    "ServeGateway",
    "Upstreams",
    "access_tokens",
    "hostile_paths",
    "hostile_requests",
    "identities",
    "listening",
    "new_signing_key",
    "running_project",
    "send_hostile_requests",
    "serve_bff",
    "serve_gateway",
    "started",
    "upstreams",
]


@pytest.fixture(scope="session")
def identities() -> Identities:
    """The gateway's signing key, and the internal tokens of callers."""
    return Identities()


@pytest.fixture
def access_tokens(tmp_path: Path) -> AccessTokens:
    """An issuer of access tokens, with its key set in a file."""
    return AccessTokens(tmp_path / "jwks.json")


@pytest.fixture
def upstreams() -> Iterator[Upstreams]:
    """Fake services by name; calls to loopback reach real servers."""
    with respx.mock(assert_all_called=False) as router:
        fakes = Upstreams(router)
        router.route(host="127.0.0.1").pass_through()
        yield fakes


@pytest.fixture
def serve_bff(upstreams: Upstreams, identities: Identities) -> ServeBff:
    """Serves a BFF in front of the fake services: `async with serve_bff(create_app) as client`.

    Keywords are addresses of services that a test starts itself; `settings` are other settings of the BFF.
    """

    def serve(
        bff: Bff, settings: dict[str, Any] | None = None, **addresses: str
    ) -> AbstractAsyncContextManager[httpx.AsyncClient]:
        directory = upstreams.directory(*bff.services, **addresses)
        return served_bff(bff, directory, identities, **(settings or {}))

    return serve


@pytest.fixture
def serve_gateway(upstreams: Upstreams, identities: Identities, access_tokens: AccessTokens) -> ServeGateway:
    """Serves a gateway in front of the fake services: `async with serve_gateway(Path("routes.toml")) as client`.

    It accepts tokens of `access_tokens`; `settings` are other settings of the gateway.
    """

    def serve(
        routes: Path, settings: dict[str, Any] | None = None, **addresses: str
    ) -> AbstractAsyncContextManager[httpx.AsyncClient]:
        directory = upstreams.directory(**addresses)
        issuer = {"issuer": access_tokens.settings}
        return served_gateway(routes, directory, identities, **(issuer | (settings or {})))

    return serve
