"""What the server does in a process of the test, it does on both event loops."""

import asyncio
from collections.abc import Callable, Mapping

import pytest
import uvloop

BOTH = {
    f"test_{name}.py"
    for name in ("asgi", "back_pressure", "limits", "methods", "protocol", "response", "server")
}


def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The event loops of a test."""
    if item.path.name in BOTH:
        return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
    return {"asyncio": asyncio.new_event_loop}
