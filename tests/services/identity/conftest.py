from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from kit.settings import TokenSettings
from services.identity.settings import IdentitySettings
from tests.services.identity.world import World, settings, world

MakeSettings = Callable[..., IdentitySettings]


@pytest.fixture
def made(tmp_path: Path, token_settings: TokenSettings) -> MakeSettings:
    """`made(seed=False)`: settings of a provider with a database of its own, on SQLite."""

    def make(**changes: Any) -> IdentitySettings:
        return settings(f"sqlite+aiosqlite:///{tmp_path}/identity.db", token_settings, **changes)

    return make


@pytest.fixture
async def shop(made: MakeSettings) -> AsyncIterator[World]:
    """A provider with the demo shop's users."""
    async with world(made()) as shop:
        yield shop
