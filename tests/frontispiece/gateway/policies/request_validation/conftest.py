"""The layer around a handler, with what is fetched meanwhile."""

from collections.abc import AsyncIterator

import pytest

from frontispiece.aio.background import BackgroundTasks
from tests.support.described import World


@pytest.fixture
async def running() -> AsyncIterator[BackgroundTasks]:
    """What is fetched meanwhile."""
    async with BackgroundTasks() as running:
        yield running


@pytest.fixture
def world(running: BackgroundTasks) -> World:
    return World(running)
