from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest

from frontispiece.settings import TokenSettings
from services.basket import store as module
from services.basket.app import BasketSettings, create_app
from services.basket.store import Store
from shop.money import Money
from tests.conftest import AppClient, MakeToken
from tests.services.support import CATALOG_ADDRESS, Catalog
from tests.support.clock import Calendar
from tests.support.events import NO_BROKER

KNOWN = [
    *("PEN", "INK", "CAP", "LAMP", "X1", "X2", "a\x00\r\nb é"),
    *(f"{kind}{number}" for kind in ("A", "B", "S", "NEW") for number in range(130)),
]
"""Articles whose prices the store has."""


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """The store waits long: these tests are not about a busy machine."""
    monkeypatch.setattr(module, "TIMEOUT", 60.0)


@pytest.fixture
async def store(valkey_url: str, clock: Calendar) -> AsyncIterator[Store]:
    async with Store(valkey_url, idle=timedelta(days=1), now=clock) as store:
        await store.learn(dict.fromkeys(KNOWN, Money(amount=1000, currency="EUR")))
        yield store


@pytest.fixture
async def http(
    *,
    valkey_url: str,
    token_settings: TokenSettings,
    app_client: AppClient,
    bearer: MakeToken,
    catalog: Catalog,
) -> AsyncIterator[httpx.AsyncClient]:
    """Basket as the user `reader` calls it."""
    settings = BasketSettings(
        valkey_url=valkey_url,
        timeout=60,
        directory=CATALOG_ADDRESS,
        events=NO_BROKER,
        tokens=token_settings,
    )
    async with app_client(create_app(settings)) as client:
        client.headers.update(bearer("reader", "shop"))
        yield client


async def quantities(store: Store) -> dict[str, int]:
    """What is in the reader's basket."""
    return (await store.basket("reader")).quantities
