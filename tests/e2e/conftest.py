"""The shop that the end-to-end tests share: one in each layout, which lives until a test stops it."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count

import httpx
import pytest

from frontispiece.http.client import default_trust
from services.inventory.seed import first_stock
from shop.demo import SKUS
from tests.support.checkouts import Client
from tests.support.customers import add_customers
from tests.support.shop import LAYOUTS, RunningShop, Shops, running_shop

PLENTY = 40


@pytest.fixture(scope="session")
def shops(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shops]:
    """The running shop in a layout; one that has been stopped starts again in its folder."""
    folder = tmp_path_factory.mktemp("shops")
    running: dict[str, RunningShop] = {}
    with ExitStack() as stack:

        def start(layout: str, **variables: str) -> RunningShop:
            if layout not in running or running[layout].process.poll() is not None:
                variables = {"SHIPPING_DISPATCH_DELAY": "1", **variables}
                shop = running_shop(folder / layout, *LAYOUTS[layout], **variables)
                running[layout] = stack.enter_context(shop)
            return running[layout]

        yield start


@pytest.fixture
def layout() -> str:
    """One process, unless a test runs `in_both_layouts`."""
    return "one-process"


@pytest.fixture
def shop(layout: str, shops: Shops) -> RunningShop:
    """The running shop."""
    return shops(layout)


@pytest.fixture
def http(shop: RunningShop) -> Iterator[httpx.Client]:
    """A client of the shop's gateway, without credentials."""
    with httpx.Client(base_url=shop.url, timeout=60, verify=default_trust()) as client:
        yield client


@pytest.fixture(scope="session")
def articles() -> Iterator[str]:
    """Articles of which there are plenty."""
    return (sku for sku in SKUS if first_stock(sku) >= PLENTY)


@pytest.fixture
def article(articles: Iterator[str]) -> str:
    """An article that no other test buys."""
    return next(articles)


@pytest.fixture(scope="session")
def names() -> Iterator[str]:
    """Names of customers, each used once."""
    return (f"customer{number}" for number in count())


@pytest.fixture
def kind() -> str:
    """The web's client, unless a test's parameters say `mobile`."""
    return "web"


@pytest.fixture
def customer(kind: str, names: Iterator[str], http: httpx.Client, shop: RunningShop) -> Client:
    """A new customer, whose basket and orders are no other test's."""
    name = next(names)
    asyncio.run(add_customers(shop.data, [name]))
    return Client(http=http, kind=kind, headers=shop.logged_in(kind, name))
