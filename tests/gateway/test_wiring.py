"""What a gateway needs before it serves: told by the names of the variables, all at once."""

from pathlib import Path
from typing import Any

import pytest

from gateway.app import GatewaySettings, create_app
from gateway.oidc import IssuerSettings
from gateway.session import SessionSettings
from kit.faults import Faulty
from kit.sealing import new_key

OPEN = """
[services.things]
url = "http://127.0.0.1:9"

[[routes]]
path = "/open"
to = "things"
auth = "none"
"""

ISSUER = IssuerSettings(url="https://id.example")


def route(auth: str) -> str:
    return f'\n[[routes]]\npath = "/{auth}"\nto = "things"\nauth = "{auth}"\n'


def faults(tmp_path: Path, routes: str, key: str, **settings: Any) -> list[str]:
    """Why no gateway is made of this."""
    file = tmp_path / "routes.toml"
    file.write_text(routes)
    try:
        create_app(GatewaySettings(routes=file, signing_key=key, **settings))
    except Faulty as faulty:
        return faulty.faults
    return []


def test_a_table_that_asks_nobody_needs_no_issuer(tmp_path: Path, signing_key: str) -> None:
    assert faults(tmp_path, OPEN, signing_key) == []
    assert faults(tmp_path, OPEN + route("service"), signing_key) == []


def test_routes_with_tokens_need_an_issuer(tmp_path: Path, signing_key: str) -> None:
    (fault,) = faults(tmp_path, OPEN + route("bearer"), signing_key)

    assert fault.startswith("ISSUER_URL: the table's bearer routes need an issuer")
    assert faults(tmp_path, OPEN + route("bearer"), signing_key, issuer=ISSUER) == []


def test_sessions_need_an_issuer_and_all_settings_of_theirs(tmp_path: Path, signing_key: str) -> None:
    routes = "[session]\n" + OPEN + route("bearer") + route("session")
    missing = faults(tmp_path, routes, signing_key)

    assert [fault.partition(":")[0] for fault in missing] == [
        "ISSUER_URL",
        "SESSION_ORIGIN",
        "SESSION_VALKEY_URL",
        "SESSION_KEYS",
        "SESSION_CLIENT_SECRET",
    ]
    session = SessionSettings(
        origin="https://shop.example",
        valkey_url="valkey://127.0.0.1:9/0",
        keys=[new_key()],
        client_secret="secret",
    )
    assert faults(tmp_path, routes, signing_key, issuer=ISSUER, session=session) == []


NO_KEY = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"


@pytest.mark.parametrize("key", ["", "secret", NO_KEY])
def test_a_key_that_is_none_is_a_fault_by_name_and_not_shown(
    tmp_path: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISSUER_SKEW", "3600")
    told = faults(tmp_path, OPEN, key)

    assert {fault.partition(":")[0] for fault in told} == {"GATEWAY_SIGNING_KEY", "ISSUER_SKEW"}
    assert not any("AAAA" in fault for fault in told)


def test_without_a_key_there_is_no_gateway(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GATEWAY_SIGNING_KEY", raising=False)

    with pytest.raises(Faulty, match="GATEWAY_SIGNING_KEY"):
        GatewaySettings()


def test_no_key_is_shown_where_somebody_prints_settings(signing_key: str) -> None:
    assert "PRIVATE" not in repr(GatewaySettings(signing_key=signing_key))
