"""From how much on calls are refused is a setting."""

import logging
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.app import create_app
from gateway.settings import GatewaySettings
from kit.faults import Faulty
from kit.settings import Directory

ROUTES = """
[services.things]
url = "http://things:8000"

[[routes]]
path = "/a"
to = "things"
auth = "none"
"""


def settings_of(tmp_path: Path, signing_key: str, routes: str) -> GatewaySettings:
    file = tmp_path / "routes.toml"
    file.write_text(routes)
    return GatewaySettings(routes=file, signing_key=signing_key, directory=Directory(services={}))


def refuses(settings: GatewaySettings) -> bool:
    """Whether the gateway with these settings ever refuses a call because of its load."""
    metrics = create_app(settings).metrics.registry.collect()
    return "gateway_load_calls" in {metric.name for metric in metrics}


def test_without_a_setting_nothing_is_ever_refused(tmp_path: Path, signing_key: str) -> None:
    assert not refuses(settings_of(tmp_path, signing_key, ROUTES))


@pytest.mark.parametrize(("name", "value"), [("MOST_CALLS", "100"), ("MOST_LAG", "50ms")])
def test_each_setting_turns_it_on(
    tmp_path: Path, signing_key: str, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"GATEWAY_{name}", value)

    settings = settings_of(tmp_path, signing_key, ROUTES)

    assert (settings.most_calls, settings.most_lag) in {(100, None), (None, timedelta(milliseconds=50))}
    assert refuses(settings)


@pytest.mark.parametrize(("name", "value"), [("MOST_CALLS", "0"), ("MOST_LAG", "soon"), ("MOST_LAG", "0s")])
def test_a_setting_that_means_nothing_is_refused(
    tmp_path: Path, signing_key: str, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"GATEWAY_{name}", value)

    with pytest.raises(Faulty, match=f"GATEWAY_{name}: "):
        settings_of(tmp_path, signing_key, ROUTES)


def test_priorities_that_come_to_nothing_are_warned_of(
    tmp_path: Path, signing_key: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        create_app(settings_of(tmp_path, signing_key, ROUTES))
        assert caplog.text == ""

        create_app(settings_of(tmp_path, signing_key, f'{ROUTES}priority = "low"\n'))

    assert "neither GATEWAY_MOST_CALLS nor GATEWAY_MOST_LAG is set" in caplog.text
