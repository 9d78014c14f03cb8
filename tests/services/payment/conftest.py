from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from frontispiece.settings import TokenSettings
from tests.services.payment.world import World, running_world


@pytest.fixture
async def world(
    database_url: str, token_settings: TokenSettings, signing_key: str, tmp_path: Path
) -> AsyncIterator[World]:
    """Payment on SQLite and on PostgreSQL."""
    async with running_world(database_url, token_settings, signing_key, tmp_path) as world:
        yield world
