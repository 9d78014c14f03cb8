from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from frontispiece.settings import TokenSettings
from services.identity.settings import IdentitySettings
from tests.services.identity.world import World, settings, world

MakeSettings = Callable[..., IdentitySettings]


@pytest.fixture
def made(tmp_path: Path, token_settings: TokenSettings) -> MakeSettings:
    """`made(seed=False)`: settings of a provider with a database of its own, on SQLite."""

    def make(**changes: Any) -> IdentitySettings:
        return settings(f"sqlite+aiosqlite:///{tmp_path}/identity.db", token_settings, **changes)

    return make


async def on_both_databases(database_url: str, token_settings: TokenSettings) -> AsyncIterator[World]:
    """The same on SQLite and on PostgreSQL: `shop = pytest.fixture(on_both_databases)`."""
    async with world(settings(database_url, token_settings)) as shop:
        yield shop


@pytest.fixture
async def shop(made: MakeSettings) -> AsyncIterator[World]:
    """A provider with the demo shop's users."""
    async with world(made()) as shop:
        yield shop
