"""The world of the measurements in the test's own event loop, and results as if they had been measured."""

import json
from collections.abc import AsyncIterator, Callable

import pytest

from bench import upstream
from bench.candidates import CANDIDATES
from bench.issuer import Issuer
from bench.measure import Measured, Round
from bench.processes import free_port
from tests.conftest import MakeToken
from tests.support.serving import Serve
from tests.support.stub import Exchange, Stub, answering

MakeMeasured = Callable[..., Measured]


@pytest.fixture
async def shop() -> AsyncIterator[str]:
    """The address of the upstream."""
    port = free_port()
    async with await upstream.serve(port, 0.0):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
async def issuer(serve: Serve) -> Issuer:
    """Whose tokens are verified, on a socket."""
    issuer = Issuer("")

    async def say(exchange: Exchange) -> None:
        document = issuer.documents[exchange.path.decode().removeprefix("/")]
        await answering(200, json.dumps(document).encode())(exchange)

    issuer.url = await serve(Stub(say))
    return issuer


@pytest.fixture
def bearer(issuer: Issuer) -> MakeToken:
    """`bearer("bench", "shop")`: the Authorization header of a call on somebody's behalf."""
    return lambda _subject, *scopes: {"Authorization": f"Bearer {issuer.token(' '.join(scopes))}"}


@pytest.fixture
def environment(shop: str, issuer: Issuer, signing_key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables that set up our candidates; the BFF is mounted."""
    services = {"shop": shop, "lost": shop, "bff": "app://bench.ours.app:create_app"}
    monkeypatch.setenv("SERVICES", json.dumps(services))
    monkeypatch.setenv("GATEWAY_SIGNING_KEY", signing_key)
    monkeypatch.setenv("ISSUER_URL", issuer.url)
    monkeypatch.setenv("GATEWAY_ROUTES", "bench/ours/routes.toml")


@pytest.fixture
def measured() -> MakeMeasured:
    """`measured("caddy", 900.0, 1000.0, 1100.0)`: a candidate with these rates."""
    known = {candidate.name: candidate for candidate in CANDIDATES}

    def make(name: str, *rates: float, busy: float = 1.0, fault: str | None = None) -> Measured:
        rounds = [Round(rate=rate, p50=1.5, p99=9.25, cpu=1e6 / rate, busy=busy, errors=0) for rate in rates]
        return Measured(
            scenario="three", candidate=known[name], rounds=rounds, faults=[fault] if fault else []
        )

    return make
