import asyncio
from collections.abc import Callable

import pytest
import uvloop

from frontispiece.upstream.load_balancer import LoadBalancer
from tests.frontispiece.upstream.fakes import Chance, Fake
from tests.support.clock import Clock
from tests.support.stub import Stub

ON_BOTH_LOOPS = ("test_http1", "test_transports")


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run what touches sockets on asyncio's own loop and on the one that production uses."""
    if item.path.stem.startswith(ON_BOTH_LOOPS):
        return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
    return {"asyncio": asyncio.new_event_loop}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def chance() -> Chance:
    return Chance()


@pytest.fixture
def a() -> Fake:
    return Fake()


@pytest.fixture
def b() -> Fake:
    return Fake()


@pytest.fixture
def service() -> Fake:
    return Fake()


@pytest.fixture
def two(a: Fake, b: Fake, clock: Clock, chance: Chance) -> LoadBalancer:
    return LoadBalancer({"a": a, "b": b}, health=None, random=chance, clock=clock)


@pytest.fixture
def stub() -> Stub:
    """An upstream."""
    return Stub()
