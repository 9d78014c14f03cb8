import json
from pathlib import Path

import pytest
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from frontispiece.errors import ConfigError
from frontispiece.settings import (
    Directory,
    RegistrySettings,
    Settings,
    TokenSettings,
    TrustedIssuer,
    value_of,
)

KEY = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"


class PressSettings(Settings):
    """The settings of a role of this test's own."""

    model_config = SettingsConfigDict(env_prefix="PRESS_")

    ink: str
    speed: int = Field(10, gt=0)
    tokens: TokenSettings = Field(default_factory=TokenSettings)
    directory: Directory = Field(default_factory=Directory)


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TOKEN_ISSUERS", "SERVICES", "PRESS_INK", "PRESS_SPEED"):
        monkeypatch.delenv(name, raising=False)


def test_settings_come_from_variables_with_the_roles_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRESS_INK", "black")
    monkeypatch.setenv("TOKEN_ISSUERS", json.dumps({"gateway": [KEY]}))
    monkeypatch.setenv("SERVICES", '{"paper": "http://paper:8000"}')
    settings = PressSettings()

    assert (settings.ink, settings.speed) == ("black", 10)
    assert settings.tokens.issuers == {"gateway": TrustedIssuer(keys=(KEY,))}
    assert settings.directory.addresses("paper") == ("http://paper:8000",)


def test_a_secret_may_be_a_file_and_a_variable_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("frontispiece.settings.SECRETS", tmp_path)
    (tmp_path / "press_ink").write_text("red\n")
    (tmp_path / "press_speed").write_text("20")
    (tmp_path / "token_issuers").write_text(json.dumps({"gateway": [KEY]}))
    monkeypatch.setenv("PRESS_SPEED", "30")

    settings = PressSettings()
    assert (settings.ink, settings.speed) == ("red", 30)
    assert settings.tokens.issuers == {"gateway": TrustedIssuer(keys=(KEY,))}


def test_an_empty_variable_hides_no_secret_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("frontispiece.settings.SECRETS", tmp_path)
    (tmp_path / "press_ink").write_text("red\n")
    monkeypatch.setenv("PRESS_INK", "")

    assert PressSettings(tokens=TokenSettings(issuers={})).ink == value_of("PRESS_INK") == "red"


def test_a_secret_file_that_cannot_be_read_is_named_with_its_variable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("frontispiece.settings.SECRETS", tmp_path)
    (tmp_path / "press_ink").write_bytes(b"\xff\xfe")

    with pytest.raises(ConfigError, match=f"^PRESS_INK: the file {tmp_path}/press_ink cannot be read: "):
        PressSettings(tokens=TokenSettings(issuers={}))


def test_all_faults_are_named_at_once_by_their_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRESS_SPEED", "fast")
    monkeypatch.setenv("SERVICES", "{")
    with pytest.raises(ConfigError) as refusal:
        PressSettings()

    told = "\n".join(refusal.value.errors)
    for variable in ("PRESS_INK", "PRESS_SPEED", "TOKEN_ISSUERS", "SERVICES: this is no JSON"):
        assert variable in told
    assert len(refusal.value.errors) == 4


@pytest.mark.parametrize(
    "issuers",
    [
        *('{"gateway": ["no key"]}', '{"gateway": "x"}', "[]", '{"gateway": {}}'),
        *('{"gateway": {"keys": ["no key"]}}', '{"gateway": {"keys": [], "scope": "all"}}'),
    ],
)
def test_issuers_without_keys_or_with_unknown_grants_are_refused(
    monkeypatch: pytest.MonkeyPatch, issuers: str
) -> None:
    monkeypatch.setenv("TOKEN_ISSUERS", issuers)
    with pytest.raises(ConfigError, match="TOKEN_ISSUERS"):
        TokenSettings()


@pytest.mark.parametrize(
    "address", ["http://:8000", "http://${POD_IP}:8000", "http://a:port", "http://a:70000"]
)
def test_an_app_registers_no_address_that_is_none(address: str) -> None:
    with pytest.raises(ConfigError, match="REGISTRY_ADDRESS"):
        RegistrySettings(address=address)


def test_a_variable_that_is_called_as_nested_settings_are_is_not_taken_for_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PRESS_DIRECTORY", "127.0.0.1:9100")
    assert PressSettings(ink="red", tokens=TokenSettings(issuers={})).directory == Directory()


def test_settings_that_are_given_need_no_variable() -> None:
    tokens = TokenSettings(issuers={"gateway": [KEY]})
    assert PressSettings(ink="red", tokens=tokens, directory=Directory()).ink == "red"


def test_an_unknown_service_is_named() -> None:
    with pytest.raises(LookupError, match="'nowhere'"):
        Directory(services={}).addresses("nowhere")


def test_a_service_may_have_several_addresses_for_those_who_can_use_them() -> None:
    directory = Directory(services={"paper": "http://a:1, http://b:1", "ink": "http://c:1"})

    assert directory.addresses("paper") == ("http://a:1", "http://b:1")
    assert directory.addresses("ink") == ("http://c:1",)


def test_settings_do_not_change() -> None:
    settings = Directory(services={})
    with pytest.raises(ValueError, match="frozen"):
        setattr(settings, "services", {})  # noqa: B010 (the plain way is a fault that mypy finds)


def test_a_registry_is_off_by_its_variable_whatever_its_secret_file_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "registry_url").write_text("nats://somewhere")
    monkeypatch.setattr("frontispiece.settings.SECRETS", tmp_path)

    assert RegistrySettings().url == "nats://somewhere"
    monkeypatch.setenv("REGISTRY_URL", "off")
    assert RegistrySettings().url == ""
