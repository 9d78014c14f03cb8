from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from kit.settings import TokenSettings
from services.catalog.app import CatalogSettings, create_app
from services.catalog.store import Store
from tests.conftest import AppClient, MakeToken
from tests.services.catalog.goods import GOODS


@pytest.fixture
async def http(
    tmp_path: Path, token_settings: TokenSettings, app_client: AppClient
) -> AsyncIterator[httpx.AsyncClient]:
    url = f"sqlite+aiosqlite:///{tmp_path}/catalog.db"
    async with app_client(create_app(CatalogSettings(database_url=url, tokens=token_settings))) as client:
        yield client


@pytest.fixture
def clerk(bearer: MakeToken) -> dict[str, str]:
    return bearer("clerk", "catalog:write")


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    store = Store(database_url)
    async with store.database:
        await store.add(GOODS)
        yield store
