import json

import pytest
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from kit.faults import Faulty
from kit.settings import Directory, Settings, TokenSettings

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
    assert settings.tokens.issuers == {"gateway": [KEY]}
    assert settings.directory.address("paper") == "http://paper:8000"


def test_every_fault_is_told_at_once_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRESS_SPEED", "fast")
    monkeypatch.setenv("SERVICES", "{")
    with pytest.raises(Faulty) as refusal:
        PressSettings()

    told = "\n".join(refusal.value.faults)
    for variable in ("PRESS_INK", "PRESS_SPEED", "TOKEN_ISSUERS", "services"):
        assert variable in told
    assert len(refusal.value.faults) == 4


@pytest.mark.parametrize("issuers", ['{"gateway": ["no key"]}', '{"gateway": "x"}', "[]"])
def test_issuers_without_keys_are_refused(monkeypatch: pytest.MonkeyPatch, issuers: str) -> None:
    monkeypatch.setenv("TOKEN_ISSUERS", issuers)
    with pytest.raises(Faulty, match="TOKEN_ISSUERS"):
        TokenSettings()


def test_settings_that_are_given_need_no_variable() -> None:
    tokens = TokenSettings(issuers={"gateway": [KEY]})
    assert PressSettings(ink="red", tokens=tokens, directory=Directory()).ink == "red"


def test_an_unknown_service_is_named() -> None:
    with pytest.raises(LookupError, match="'nowhere'"):
        Directory(services={}).address("nowhere")


def test_a_service_may_have_several_addresses_for_those_who_can_use_them() -> None:
    directory = Directory(services={"paper": "http://a:1, http://b:1", "ink": "http://c:1"})

    assert directory.addresses("paper") == ("http://a:1", "http://b:1")
    assert directory.addresses("ink") == ("http://c:1",)
    with pytest.raises(LookupError, match="several addresses for 'paper'"):
        directory.address("paper")


def test_settings_do_not_change() -> None:
    settings = Directory(services={})
    with pytest.raises(ValueError, match="frozen"):
        setattr(settings, "services", {})  # noqa: B010 (the plain way is a fault that mypy finds)
