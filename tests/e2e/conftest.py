"""The shop that the end-to-end tests talk to: once in one process, once with a process for every role."""

from collections.abc import Iterator

import httpx
import pytest

from tests.support.shop import RunningShop, running_shop

LAYOUTS = {"one-process": (), "many-processes": ("--processes",)}


@pytest.fixture(scope="session", params=LAYOUTS)
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningShop]:
    """A running shop; every test that asks for it runs in both layouts."""
    options = LAYOUTS[request.param]
    with running_shop(tmp_path_factory.mktemp("shop") / "data", *options) as running:
        yield running


@pytest.fixture
def http(shop: RunningShop) -> Iterator[httpx.Client]:
    """A client of the shop's gateway, without credentials."""
    with httpx.Client(base_url=shop.url, timeout=20) as client:
        yield client
