from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from frontispiece.settings import TokenSettings
from tests.services.payment.world import PATIENCE, TIMEOUT, World, running_world


@pytest.fixture
async def world(
    database_url: str, token_settings: TokenSettings, signing_key: str, tmp_path: Path
) -> AsyncIterator[World]:
    """Payment on SQLite and on PostgreSQL."""
    async with running_world(database_url, token_settings, signing_key, tmp_path, PATIENCE) as world:
        yield world


@pytest.fixture
async def hasty(
    database_url: str, token_settings: TokenSettings, signing_key: str, tmp_path: Path
) -> AsyncIterator[World]:
    """The same, and it does not wait long for the acquirer."""
    async with running_world(database_url, token_settings, signing_key, tmp_path, TIMEOUT) as world:
        yield world
