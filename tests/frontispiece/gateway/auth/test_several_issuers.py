"""Access tokens of several issuers: each route says whose it accepts, and no issuer names another's users."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from frontispiece.errors import ConfigError
from frontispiece.gateway.app import GatewaySettings, create_app
from frontispiece.security import Verifier
from frontispiece.settings import Directory, TokenSettings
from tests.support.issuer import AUDIENCE, Issuer, answer, issuer_at
from tests.support.serving import Serve, client_of
from tests.support.stub import Exchange, Stub
from tests.support.tables import errors_of, route, route_table

ROUTES = route_table(
    route("/own", auth="bearer"),
    route("/theirs", auth="bearer", issuers=["partner"]),
    route("/both", auth="bearer", issuers=["default", "partner"]),
)


class World:
    """A gateway with two issuers, and the service behind it."""

    def __init__(self, own: Issuer, partner: Issuer, things: Stub, tokens: TokenSettings) -> None:
        self.own = own
        self.partner = partner
        self.things = things
        self.http: httpx.AsyncClient
        self._tokens = tokens

    async def status(self, path: str, headers: dict[str, str]) -> int:
        """With which status a call is answered."""
        return (await self.http.get(path, headers=headers)).status_code

    @property
    def subject(self) -> str:
        """Of whom the service was told last."""
        (header,) = self.things.last.all(b"authorization")
        return Verifier(self._tokens, "things").caller(header.decode()).subject


@pytest.fixture
async def partner(serve: Serve) -> Issuer:
    return await issuer_at(serve)


def settings_of(
    tmp_path: Path, signing_key: str, routes: str, issuers: Any, own: Issuer | None = None, **services: str
) -> GatewaySettings:
    file = tmp_path / "routes.toml"
    file.write_text(routes)
    directory = Directory(services={"things": "http://127.0.0.1:1", **services})
    more: dict[str, Any] = {"issuer": own.settings} if own else {}
    return GatewaySettings(
        routes=file, signing_key=signing_key, directory=directory, issuers=issuers, watch=False, **more
    )


@pytest.fixture
async def world(
    tmp_path: Path,
    serve: Serve,
    signing_key: str,
    issuer: Issuer,
    partner: Issuer,
    token_settings: TokenSettings,
) -> AsyncIterator[World]:
    things = Stub()
    issuers = {"partner": {"url": partner.url, "audience": AUDIENCE}}
    settings = settings_of(tmp_path, signing_key, ROUTES, issuers, issuer, things=await serve(things))
    world = World(issuer, partner, things, token_settings)
    async with client_of(await serve(create_app(settings))) as world.http:
        yield world


async def test_a_route_accepts_the_tokens_of_its_issuers_alone(world: World) -> None:
    own, theirs = world.own.bearer("reader"), world.partner.bearer("reader")

    assert [await world.status(path, own) for path in ("/own", "/theirs", "/both")] == [200, 401, 200]
    assert [await world.status(path, theirs) for path in ("/own", "/theirs", "/both")] == [401, 200, 200]


async def test_what_one_route_has_verified_is_no_proof_at_another(world: World) -> None:
    theirs = world.partner.bearer("reader")
    assert await world.status("/both", theirs) == 200

    assert await world.status("/own", theirs) == 401


async def test_users_of_one_name_are_two(world: World) -> None:
    await world.status("/both", world.own.bearer("reader"))
    own = world.subject
    await world.status("/both", world.partner.bearer("reader"))

    assert (own, world.subject) == ("reader", "partner:reader")


async def test_no_issuer_names_another_s_users(world: World) -> None:
    assert await world.status("/both", world.own.bearer("partner:reader")) == 401
    assert await world.status("/both", world.partner.bearer("guest:1")) == 200
    assert world.subject == "partner:guest:1"
    assert await world.status("/both", world.partner.bearer("a" * 250)) == 401


async def test_an_issuer_s_token_is_verified_by_its_own_keys(world: World) -> None:
    forged = world.partner.bearer("reader", iss=world.own.url)
    foreign = world.own.bearer("reader", iss=world.partner.url)
    unknown = world.own.bearer("reader", iss="https://nobody.example")
    odd = {"Authorization": "Bearer a.b.c"}

    assert [await world.status("/both", each) for each in (forged, foreign, unknown, odd)] == [401] * 4


async def test_one_issuer_may_be_away(world: World) -> None:
    world.partner.is_up = False

    assert await world.status("/both", world.own.bearer("reader")) == 200
    assert await world.status("/both", world.partner.bearer("reader")) == 503


async def test_opaque_tokens_go_to_the_issuer_that_introspects(
    tmp_path: Path, serve: Serve, signing_key: str, issuer: Issuer, partner: Issuer
) -> None:
    async def introspect(exchange: Exchange) -> None:
        await exchange.read()
        await answer(exchange, 200, {"active": True, **partner.claims("reader")})

    partner.endpoints["POST", "/introspect"] = introspect
    client = {"introspection_client_id": "gateway", "introspection_client_secret": "secret"}
    theirs = {"url": partner.url, "introspection": f"{partner.url}/introspect", **client}
    things = await serve(Stub())
    settings = settings_of(tmp_path, signing_key, ROUTES, {"partner": theirs}, issuer, things=things)
    async with client_of(await serve(create_app(settings))) as http:
        statuses = [
            (await http.get(path, headers={"Authorization": "Bearer opaque"})).status_code
            for path in ("/own", "/theirs", "/both")
        ]

    assert statuses == [401, 200, 200]
    assert "/introspect" not in issuer.paths


def faults(tmp_path: Path, signing_key: str, routes: str, issuers: Any) -> list[str]:
    """Why no gateway is made of this."""
    with pytest.raises(ConfigError) as faulty:
        create_app(settings_of(tmp_path, signing_key, routes, issuers))
    return faulty.value.errors


def test_without_routes_for_the_gateway_s_own_issuer_none_is_needed(tmp_path: Path, signing_key: str) -> None:
    routes = route_table(route("/theirs", auth="bearer", issuers=["partner"]))

    assert create_app(settings_of(tmp_path, signing_key, routes, {"partner": {"url": "https://p.example"}}))


def test_an_issuer_that_is_not_set_is_named(tmp_path: Path, signing_key: str) -> None:
    routes = route_table(route("/theirs", auth="bearer", issuers=["partnr"]))
    (error,) = faults(tmp_path, signing_key, routes, {"partner": {"url": "https://p.example"}})

    assert error == "GATEWAY_ISSUERS: /theirs names the issuer 'partnr': did you mean 'partner'?"


def test_only_one_issuer_of_a_route_introspects(tmp_path: Path, signing_key: str) -> None:
    client = {"introspection_client_id": "gateway", "introspection_client_secret": "secret"}
    issuers = {
        name: {"url": f"https://{name}.example", "introspection": "discovery", **client}
        for name in ("one", "two")
    }
    routes = route_table(route("/both", auth="bearer", issuers=["one", "two"]))

    assert "several issuers that introspect" in faults(tmp_path, signing_key, routes, issuers)[0]


@pytest.mark.parametrize(
    ("issuers", "why"),
    [
        ({"partner": {}}, "each issuer has a url"),
        ({"partner": {"url": "http://p.example"}}, "begins with https://"),
        ({"partner": {"url": "https://p.example", "audienc": "x"}}, "AUDIENC"),
        ({"guest": {"url": "https://p.example"}}, "guest"),
        ({"default": {"url": "https://p.example"}}, "default"),
        ({"Partner": {"url": "https://p.example"}}, "Partner"),
        ({"a": {"url": "https://p.example"}, "b": {"url": "https://p.example"}}, "two issuers have one url"),
        ({"partner": 5}, "partner"),
    ],
)
def test_issuers_with_errors_are_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, issuers: dict[str, Any], why: str
) -> None:
    monkeypatch.setenv("GATEWAY_ISSUERS", json.dumps(issuers))
    with pytest.raises(ConfigError, match="(?i)GATEWAY_ISSUERS.*" + why):
        GatewaySettings()


def test_further_issuers_take_nothing_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ISSUER_AUDIENCE": "shop", "AUDIENCE": "shop", "URL": "https://x.example"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GATEWAY_ISSUERS", '{"partner": {"url": "https://p.example"}}')

    partner = GatewaySettings().issuers["partner"]
    assert (partner.url, partner.audience) == ("https://p.example", "api")


@pytest.mark.parametrize("auth", ["none", "session", "passthrough"])
def test_issuers_are_for_bearer_routes(auth: str) -> None:
    errors = errors_of(route("/a", auth=auth, issuers=["partner"]), session={})

    assert any(
        'issuers are whose access tokens are accepted: set auth = "bearer"' in error for error in errors
    )
