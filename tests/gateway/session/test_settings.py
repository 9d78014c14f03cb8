"""Settings of sessions: checked whole, and asked for only by a table that has sessions."""

import pytest

from gateway.session import SessionSettings
from kit.faults import Faulty
from kit.sealing import new_key

VARIABLES = (
    "ORIGIN",
    "VALKEY_URL",
    "KEYS",
    "CLIENT_ID",
    "CLIENT_SECRET",
    "LOGOUT_AUDIENCES",
    "LOCAL_SECONDS",
)


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(f"SESSION_{name}", raising=False)


def test_without_sessions_nothing_needs_to_be_set_and_with_them_all_that_is_missing_is_told() -> None:
    faults = "\n".join(SessionSettings().faults())

    for name in ("SESSION_ORIGIN", "SESSION_VALKEY_URL", "SESSION_KEYS", "SESSION_CLIENT_SECRET"):
        assert name in faults


def test_settings_come_from_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SESSION_ORIGIN", "https://shop.example")
    monkeypatch.setenv("SESSION_VALKEY_URL", "valkey://valkey:6379/1")
    monkeypatch.setenv("SESSION_KEYS", f'["{new_key()}", "{new_key()}"]')
    monkeypatch.setenv("SESSION_CLIENT_SECRET", "a secret")
    monkeypatch.setenv("SESSION_LOGOUT_AUDIENCES", '["mobile"]')
    settings = SessionSettings()

    assert not list(settings.faults())
    assert settings.audiences == {"web", "mobile"}
    assert "a secret" not in repr(settings)
    assert settings.keys[0] not in repr(settings)


@pytest.mark.parametrize(
    "origin",
    [
        "shop.example",
        "http://shop.example",
        "https://shop.example/",
        "https://shop.example/web",
        "https://SHOP.example",
        "https://user@shop.example",
        "https://",
        "https://shop.example?x",
        "ftp://127.0.0.1",
        "",
    ],
)
def test_an_origin_that_browsers_would_not_write_or_not_keep_cookies_for_is_a_fault(origin: str) -> None:
    with pytest.raises(Faulty, match="SESSION_ORIGIN"):
        SessionSettings(origin=origin)


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8080", "http://localhost", "https://shop.example:8443"])
def test_an_origin_is_https_or_on_loopback(origin: str) -> None:
    assert SessionSettings(origin=origin).origin == origin


@pytest.mark.parametrize("key", ["", "short", "é", new_key()[:-4]], ids=["none", "short", "no-ascii", "cut"])
def test_a_key_that_is_none_is_a_fault(key: str) -> None:
    with pytest.raises(Faulty, match="SESSION_KEYS"):
        SessionSettings(keys=[new_key(), key])


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(Faulty) as refusal:
        SessionSettings(origin="nowhere", keys=["short"], client_id="", local_seconds=-1)

    assert len(refusal.value.faults) == 4
