"""Settings of sessions: checked whole, and needed only by a table that has sessions."""

import pytest

from frontispiece.errors import ConfigError
from frontispiece.gateway.auth.session import SessionSettings
from frontispiece.security import new_key


def test_settings_come_from_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SESSION_ORIGIN", "https://shop.example")
    monkeypatch.setenv("SESSION_VALKEY_URL", "valkey://valkey:6379/1")
    monkeypatch.setenv("SESSION_ENCRYPTION_KEYS", f'["{new_key()}", "{new_key()}"]')
    monkeypatch.setenv("SESSION_CLIENT_SECRET", "a secret")
    monkeypatch.setenv("SESSION_LOGOUT_AUDIENCES", '["mobile"]')
    settings = SessionSettings()

    assert not list(settings.errors())
    assert settings.audiences == {"web", "mobile"}
    assert "a secret" not in repr(settings)
    assert settings.encryption_keys[0] not in repr(settings)


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
    with pytest.raises(ConfigError, match="SESSION_ORIGIN"):
        SessionSettings(origin=origin)


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8080", "http://localhost", "https://shop.example:8443"])
def test_an_origin_is_https_or_on_loopback(origin: str) -> None:
    assert SessionSettings(origin=origin).origin == origin


@pytest.mark.parametrize("key", ["", "short", "é", new_key()[:-4]], ids=["none", "short", "no-ascii", "cut"])
def test_a_key_that_is_none_is_a_fault(key: str) -> None:
    with pytest.raises(ConfigError, match="SESSION_ENCRYPTION_KEYS"):
        SessionSettings(encryption_keys=[new_key(), key])


def test_every_error_is_reported_at_once() -> None:
    with pytest.raises(ConfigError) as refusal:
        SessionSettings(origin="nowhere", encryption_keys=["short"], client_id="", local_cache_ttl=-1)

    assert len(refusal.value.errors) == 4
