"""What a gateway needs before it serves: errors by the names of the variables, all at once."""

import logging
from pathlib import Path
from typing import Any

import pytest

from frontispiece import gateway
from frontispiece.errors import ConfigError
from frontispiece.gateway.app import Gateway, GatewaySettings, create_app
from frontispiece.gateway.auth.oidc import IssuerSettings
from frontispiece.gateway.auth.session import SessionSettings
from frontispiece.security import new_key
from frontispiece.settings import Directory
from tests.support.serving import client_of, nobody_there, servers
from tests.support.stub import Stub
from tests.support.tables import route, route_table

ISSUER = IssuerSettings(url="https://id.example")


def with_auth(*modes: str, **sections: Any) -> str:
    """A table with a route for each of these modes."""
    routes = [route(f"/{auth}", auth=auth) for auth in modes]
    return route_table(*routes, **sections)


OPEN = with_auth("none")


def app_of(tmp_path: Path, routes: str, key: str = "", **settings: Any) -> Gateway:
    """The gateway with this table and these settings; nobody is at its service."""
    file = tmp_path / "routes.toml"
    file.write_text(routes)
    directory = Directory(services={"things": nobody_there()})
    return create_app(GatewaySettings(routes=file, signing_key=key, directory=directory, **settings))


def faults(tmp_path: Path, routes: str, key: str, **settings: Any) -> list[str]:
    """Why no gateway is made of this."""
    try:
        app_of(tmp_path, routes, key, **settings)
    except ConfigError as faulty:
        return faulty.errors
    return []


@pytest.mark.parametrize("key", ["", None])
def test_a_table_that_identifies_no_caller_needs_no_issuer_and_no_key(
    tmp_path: Path, signing_key: str, key: str | None
) -> None:
    assert faults(tmp_path, with_auth("none", "passthrough"), signing_key if key is None else key) == []


async def test_without_a_key_services_get_no_internal_token(tmp_path: Path) -> None:
    things = Stub()
    (tmp_path / "routes.toml").write_text(with_auth("none", "passthrough"))
    async with servers() as serve:
        directory = Directory(services={"things": await serve(things)})
        settings = GatewaySettings(routes=tmp_path / "routes.toml", directory=directory, watch=False)
        async with client_of(await serve(create_app(settings))) as http:
            for path in ("/none", "/passthrough"):
                assert (await http.get(path)).status_code == 200

    assert not any(exchange.all(b"x-internal-token") for exchange in things.requests)


def test_a_table_that_identifies_callers_needs_a_key_and_says_how_to_make_one(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, with_auth("none", "bearer"), "", issuer=ISSUER)

    assert fault.startswith("GATEWAY_SIGNING_KEY: the table's bearer routes need a key")
    assert fault.endswith("make one with `openssl genpkey -algorithm ed25519`")


def test_sessions_need_an_issuer_and_all_their_settings(tmp_path: Path, signing_key: str) -> None:
    routes = with_auth("none", "bearer", "session", session={})
    missing = faults(tmp_path, routes, signing_key)

    assert [fault.partition(":")[0] for fault in missing] == [
        "ISSUER_URL",
        "SESSION_ORIGIN",
        "SESSION_VALKEY_URL",
        "SESSION_ENCRYPTION_KEYS",
        "SESSION_CLIENT_SECRET",
    ]
    assert all("docs/identity.md" in fault for fault in missing[1:])
    assert "openssl rand 32" in missing[3]
    session = SessionSettings(
        origin="https://shop.example",
        valkey_url="valkey://127.0.0.1:9/0",
        encryption_keys=[new_key()],
        client_secret="secret",
    )
    assert faults(tmp_path, routes, signing_key, issuer=ISSUER, session=session) == []
    brief = with_auth("none", "bearer", "session", session={"idle_timeout": "1s"})
    (fault,) = faults(tmp_path, brief, signing_key, issuer=ISSUER, session=session)
    assert fault.startswith("SESSION_LOCAL_CACHE_TTL: ")
    keys_only = IssuerSettings(url="https://id.example", jwks="https://id.example/jwks")
    (fault,) = faults(tmp_path, routes, signing_key, issuer=keys_only, session=session)
    assert fault.startswith("ISSUER_JWKS: [session] needs discovery")
    assert faults(tmp_path, with_auth("bearer"), signing_key, issuer=keys_only) == []


NO_KEY = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"


@pytest.mark.parametrize("key", ["secret", NO_KEY])
def test_a_key_that_is_none_is_a_fault_by_name_and_not_shown(
    tmp_path: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISSUER_CLOCK_SKEW", "3600")
    found = faults(tmp_path, OPEN, key)

    assert {fault.partition(":")[0] for fault in found} == {"GATEWAY_SIGNING_KEY", "ISSUER_CLOCK_SKEW"}
    assert not any("AAAA" in fault for fault in found)


def test_the_repr_of_settings_has_no_key(signing_key: str) -> None:
    assert "PRIVATE" not in repr(GatewaySettings(signing_key=signing_key))


def test_the_packages_public_names_are_loaded_when_they_are_used() -> None:
    assert (gateway.create_app, gateway.GatewaySettings) == (create_app, GatewaySettings)
    with pytest.raises(AttributeError, match="Nothing"):
        getattr(gateway, "Nothing")  # noqa: B009 (mypy knows the names of a module)


# Load shedding.


@pytest.mark.parametrize(
    ("settings", "limits"),
    [
        ({}, (True, None, None)),
        ({"MAX_IN_FLIGHT": "100"}, (True, 100, None)),
        ({"MAX_LOOP_LAG": "50ms", "ADAPTIVE_CONCURRENCY": "false"}, (False, None, 0.05)),
        ({"ADAPTIVE_CONCURRENCY": "false"}, None),
    ],
)
def test_calls_are_refused_under_load_unless_settings_say_otherwise(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, str],
    limits: tuple[bool, int | None, float | None] | None,
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(f"GATEWAY_{name}", value)
    overload = app_of(tmp_path, OPEN).runtime.overload

    found = overload and (overload.adaptive, overload.max_in_flight, overload.max_loop_lag)
    assert found == limits


@pytest.mark.parametrize(
    ("name", "value"), [("MAX_IN_FLIGHT", "0"), ("MAX_LOOP_LAG", "soon"), ("MAX_LOOP_LAG", "0s")]
)
def test_a_limit_of_the_load_that_means_nothing_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"GATEWAY_{name}", value)
    (fault,) = faults(tmp_path, OPEN, "")

    assert fault.startswith(f"GATEWAY_{name}: ")


def test_priorities_that_come_to_nothing_are_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_ADAPTIVE_CONCURRENCY", "false")
    with caplog.at_level(logging.WARNING):
        app_of(tmp_path, OPEN)
        assert caplog.text == ""
        app_of(tmp_path, route_table(route(priority="low")))

    assert "GATEWAY_ADAPTIVE_CONCURRENCY is off" in caplog.text


def test_variables_that_look_like_settings_are_warned_about_with_the_nearest_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("GATEWAY_WACH", "GATEWAY_ACESS_LOG", "GATEWAY_COLOUR"):
        monkeypatch.setenv(name, "x")
    for name in ("GATEWAY_SERVICE_HOST", "GATEWAY_PORT", "GATEWAY_PORT_8000_TCP", "GATEWAY_WATCH"):
        monkeypatch.setenv(name, "0")  # the first three are set by Kubernetes

    app_of(tmp_path, OPEN)

    assert [message for message in caplog.messages if "no setting" in message] == [
        "GATEWAY_ACESS_LOG is no setting of the gateway: did you mean 'GATEWAY_ACCESS_LOG'?",
        "GATEWAY_COLOUR is no setting of the gateway",
        "GATEWAY_WACH is no setting of the gateway: did you mean 'GATEWAY_WATCH'?",
    ]
