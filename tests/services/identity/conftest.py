from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from frontispiece.settings import TokenSettings
from services.identity.settings import IdentitySettings
from tests.services.identity.world import World, settings, world
from tests.support.patience import extend_timeouts
from tests.support.waiting import TIMEOUT

MakeSettings = Callable[..., IdentitySettings]

on_both_databases = pytest.mark.parametrize("identity_url", ["sqlite", "postgresql"], indirect=True)
"""For tests of what is done in SQL; the others run on SQLite."""


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    extend_timeouts(monkeypatch)
    monkeypatch.setattr("services.identity.protocol.backchannel_logout.TIMEOUT", TIMEOUT)


@pytest.fixture
def identity_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new, empty database."""
    if getattr(request, "param", "sqlite") == "postgresql":
        url: str = request.getfixturevalue("postgres").new_database()
        return url
    return f"sqlite:///{tmp_path}/identity.db"


@pytest.fixture
def made(identity_url: str, token_settings: TokenSettings) -> MakeSettings:
    """`made(seed=False)`: settings of a provider with a database of its own."""

    def make(**changes: Any) -> IdentitySettings:
        return settings(identity_url, token_settings, **changes)

    return make


@pytest.fixture
async def shop(made: MakeSettings) -> AsyncIterator[World]:
    """A provider with the demo shop's users."""
    async with world(made()) as shop:
        yield shop
