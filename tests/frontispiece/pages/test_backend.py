"""`bff`: pages and clients are all that a backend needs, whosever services they are."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Self

import httpx
import pytest

from frontispiece.errors import ConfigError
from frontispiece.pages import AuthenticatedBffSettings, BffSettings, bff
from frontispiece.pages.backend import Bff
from frontispiece.security import Identity, Signer, Verifier
from frontispiece.settings import Directory, TokenSettings
from frontispiece.upstream import Context, Service
from tests.conftest import AppClient
from tests.support.pages import page_of
from tests.support.serving import servers
from tests.support.stub import Stub, answering

Serve = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


class Weather:
    """A stranger's client."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def today(self) -> str:
        return await self._service.get("/today", str)


class Tides(Weather):
    """Another one, of another service."""


class Clock:
    """A client that speaks no HTTP."""

    def __init__(self, context: Context) -> None:
        self.time = f"noon with {len(context.headers)} headers"


class ClockService:
    """Its service, which is also how it is reached."""

    def __init__(self) -> None:
        self.open = False
        self.ready = True

    def connect(self, directory: Directory, client: type) -> Self:
        directory.addresses("clock")
        assert client is Clock
        return self

    async def __aenter__(self) -> Self:
        self.open = True
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.open = False

    def bind(self, context: Context) -> Clock:
        assert self.open
        return Clock(context)

    async def is_ready(self) -> bool:
        return self.ready


async def today(weather: Weather) -> str:
    return await weather.today()


async def tide(tides: Tides) -> str:
    return await tides.today()


async def name(caller: Identity) -> str:
    return caller.subject


@pytest.fixture
def service() -> Stub:
    """What all clients here reach."""
    return Stub(answering(200, b'"fair"', (b"content-type", b"application/json")))


@pytest.fixture
async def directory(service: Stub) -> AsyncIterator[Directory]:
    async with servers() as serve:
        url = await serve(service)
        yield Directory(services={"weather": url, "tides": url, "clock": url})


@pytest.fixture
def serve_bff(
    app_client: AppClient, directory: Directory, token_settings: TokenSettings, signing_key: str
) -> Serve:
    """`async with serve_bff(factory, signs=True) as http`: its app, with a key and issuers or without."""

    @asynccontextmanager
    async def serve(factory: Bff, *, signs: bool = False) -> AsyncIterator[httpx.AsyncClient]:
        settings = BffSettings(directory=directory)
        if signs:
            settings = AuthenticatedBffSettings(
                directory=directory, signing_key=signing_key, tokens=token_settings
            )
        async with app_client(factory(settings)) as http:
            yield http

    return serve


@pytest.fixture
def reader(signing_key: str) -> dict[str, str]:
    """The headers of a caller of bff-web."""
    identity = Identity(subject="reader", scopes=frozenset({"shop"}))
    return {"Authorization": Signer(signing_key, "gateway").authorization(identity, "bff-web").decode()}


CLIENTS = {Weather: "weather", Tides: "tides"}


def test_without_identity_the_environment_needs_no_key_and_no_issuers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    factory = bff("kiosk", pages=[page_of(today)], clients={Weather: "weather"})
    monkeypatch.setenv("SERVICES", '{"weather": "http://127.0.0.1:9"}')

    app = factory()

    assert [plan.page.path for plan in app.plans] == ["/page"]
    assert "/page" in app.openapi()["paths"]


def test_with_identity_both_are_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICES", "{}")
    with pytest.raises(ConfigError) as refused:
        bff("kiosk", pages=[page_of(name)])()
    assert {error.partition(":")[0] for error in refused.value.errors} == {"BFF_SIGNING_KEY", "TOKEN_ISSUERS"}


def test_settings_are_read_when_the_app_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICES", "no JSON")
    factory = bff("kiosk", pages=[page_of(today)], clients={Weather: "weather"})
    with pytest.raises(ConfigError):
        factory()


def test_every_client_without_an_address_is_named() -> None:
    factory = bff("kiosk", pages=[page_of(today, tide)], clients={**CLIENTS, Clock: ClockService()})
    with pytest.raises(ConfigError) as refused:
        factory(BffSettings(directory=Directory(services={"tides": "http://127.0.0.1:9"})))
    assert len(refused.value.errors) == 2
    assert "'weather'" in refused.value.errors[0]
    assert "'clock'" in refused.value.errors[1]


async def test_a_bff_without_issuers_serves_every_caller_as_an_anonymous_one(
    serve_bff: Serve, service: Stub
) -> None:
    async with serve_bff(bff("kiosk", pages=[page_of(today)], clients=CLIENTS)) as http:
        answer = await http.get("/page", headers={"Authorization": "Bearer forged", "X-Request-Id": "1"})

    assert answer.json() == {"today": "fair"}
    assert service.last.all(b"authorization") == []
    assert service.last.all(b"x-request-id") == [b"1"]


async def test_a_caller_is_verified_once_and_each_service_gets_a_token_of_its_own(
    serve_bff: Serve,
    service: Stub,
    reader: dict[str, str],
    token_settings: TokenSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    verified = []
    verify = Verifier.verify

    def counted(self: Verifier, token: str) -> Identity:
        verified.append(token)
        return verify(self, token)

    monkeypatch.setattr(Verifier, "verify", counted)
    factory = bff("bff-web", pages=[page_of(name, today, tide)], clients=CLIENTS)
    async with serve_bff(factory, signs=True) as http:
        answer = await http.get("/page", headers=reader)

    assert (answer.json()["name"], len(verified)) == ("reader", 1)
    tokens = [
        exchange.all(b"authorization")[0].decode().removeprefix("Bearer ") for exchange in service.requests
    ]
    monkeypatch.undo()
    services = set()
    for token in tokens:
        for audience in ("weather", "tides"):
            try:
                caller = Verifier(token_settings, audience).verify(token)
            except Exception:  # noqa: BLE001, S112 (it is for the other one)
                continue
            services.add(audience)
            assert caller == Identity(subject="reader", scopes=frozenset({"shop"}))
    assert services == {"weather", "tides"}


@pytest.mark.parametrize("sources", [[name], [today], [name, today]])
async def test_a_false_token_is_a_401_and_no_service_is_called(
    serve_bff: Serve, service: Stub, sources: list[Any]
) -> None:
    pages = [page_of(*sources), page_of(name, path="/other")]
    async with serve_bff(bff("bff-web", pages=pages, clients=CLIENTS), signs=True) as http:
        answer = await http.get("/page", headers={"Authorization": "Bearer forged"})

    assert (answer.status_code, service.requests) == (401, [])
    assert "invalid_token" in answer.headers["www-authenticate"]


async def test_without_a_token_only_pages_with_identity_refuse(serve_bff: Serve, service: Stub) -> None:
    own = page_of(name, path="/own")
    async with serve_bff(bff("bff-web", pages=[page_of(today), own], clients=CLIENTS), signs=True) as http:
        answers = [await http.get(path) for path in ("/page", "/own")]

    assert [answer.status_code for answer in answers] == [200, 401]
    assert answers[1].headers["www-authenticate"] == "Bearer"
    assert service.last.all(b"authorization") == []


async def test_a_client_may_reach_its_service_in_any_way(serve_bff: Serve) -> None:
    clock = ClockService()
    async with serve_bff(bff("kiosk", pages=[page_of(time)], clients={Clock: clock})) as http:
        answer = await http.get("/page", headers={"X-Request-Id": "1"})
    assert (answer.json()["time"], clock.open) == ("noon with 1 headers", False)


async def time(clock: Clock) -> str:
    return clock.time


@pytest.mark.parametrize("optional", ["", "source", "page"])
@pytest.mark.parametrize(("http_ready", "clock_ready"), [(1, 1), (0, 1), (1, 0)])
async def test_it_is_ready_when_every_service_is_that_a_required_source_calls(
    serve_bff: Serve, service: Stub, http_ready: int, clock_ready: int, optional: str
) -> None:
    clock = ClockService()
    service.ready, clock.ready = bool(http_ready), bool(clock_ready)
    wanted = (time, {"fallback": str}) if optional == "source" else time
    pages = [page_of(today), page_of(wanted, path="/time", needed=optional != "page")]
    factory = bff("kiosk", pages=pages, clients={Weather: "weather", Clock: clock})
    status = 200 if http_ready and (clock_ready or optional) else 503
    async with serve_bff(factory) as http:
        assert (await http.get("/health/ready")).status_code == status
        assert (await http.get("/health/live")).status_code == 200


async def test_a_service_without_a_readiness_endpoint_is_ready_when_it_responds(
    serve_bff: Serve, service: Stub
) -> None:
    service.ready = None
    service.answer = answering(404, b"")
    async with serve_bff(bff("kiosk", pages=[page_of(today)], clients={Weather: "weather"})) as http:
        assert (await http.get("/health/ready")).status_code == 200


async def test_the_log_names_a_service_that_is_not_ready_once(
    serve_bff: Serve, service: Stub, caplog: pytest.LogCaptureFixture
) -> None:
    service.ready = False
    async with serve_bff(bff("kiosk", pages=[page_of(today)], clients={Weather: "weather"})) as http:
        for _ in range(3):
            assert (await http.get("/health/ready")).status_code == 503

    reasons = [record.getMessage() for record in caplog.records if "not ready" in record.getMessage()]
    assert reasons == ["kiosk is not ready: weather does not respond, or is not ready itself"]
