"""The shop that the end-to-end tests talk to: once in one process, once with a process for every role."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache

import httpx
import pytest

from tests.support.shop import RunningShop, running_shop

LAYOUTS = {"one-process": (), "many-processes": ("--processes",)}


@pytest.fixture(scope="session")
def shops(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], RunningShop]]:
    """The running shop in a layout, started when it is first asked for."""
    with ExitStack() as stack:

        @cache
        def start(layout: str) -> RunningShop:
            data = tmp_path_factory.mktemp("shop") / "data"
            return stack.enter_context(running_shop(data, *LAYOUTS[layout], SHIPPING_DISPATCH_DELAY="1"))

        yield start


@pytest.fixture(scope="session", params=LAYOUTS)
def shop(request: pytest.FixtureRequest, shops: Callable[[str], RunningShop]) -> RunningShop:
    """A running shop; every test that asks for it runs in both layouts."""
    return shops(request.param)


@pytest.fixture
def http(shop: RunningShop) -> Iterator[httpx.Client]:
    """A client of the shop's gateway, without credentials."""
    with httpx.Client(base_url=shop.url, timeout=20) as client:
        yield client
