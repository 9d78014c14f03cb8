"""The environment that apps under test read when they are made."""

import json
from collections.abc import Mapping

import pytest


def set_environment(
    monkeypatch: pytest.MonkeyPatch, services: Mapping[str, str], *variables: Mapping[str, str] | None
) -> None:
    """Set the addresses of services, and these variables."""
    monkeypatch.setenv("SERVICES", json.dumps(dict(services)))
    for name, value in (pair for each in variables for pair in (each or {}).items()):
        monkeypatch.setenv(name, value)
