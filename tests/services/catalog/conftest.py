from collections.abc import AsyncIterator

import httpx
import pytest

from frontispiece.settings import TokenSettings
from services.catalog.app import CatalogSettings, create_app
from services.catalog.store import Store
from tests.conftest import AppClient, MakeToken
from tests.services.catalog.goods import GOODS
from tests.support.events import NO_BROKER


@pytest.fixture
async def http(
    sqlite_url: str, token_settings: TokenSettings, app_client: AppClient, bearer: MakeToken
) -> AsyncIterator[httpx.AsyncClient]:
    """The catalog as a clerk calls it."""
    settings = CatalogSettings(database_url=sqlite_url, events=NO_BROKER, tokens=token_settings)
    async with app_client(create_app(settings)) as client:
        client.headers.update(bearer("clerk", "catalog:write"))
        yield client


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    async with Store(database_url) as store:
        await store.add(GOODS)
        yield store
