"""The layer around a handler, with what is fetched meanwhile."""

from collections.abc import AsyncIterator

import pytest

from gateway.running import Running
from tests.support.described import World


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    """What is fetched meanwhile."""
    async with Running() as running:
        yield running


@pytest.fixture
def world(running: Running) -> World:
    return World(running)
