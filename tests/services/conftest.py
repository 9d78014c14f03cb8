from collections.abc import Iterator
from pathlib import Path

import pytest
import respx

from tests.services.support import CATALOG_HOST, Catalog
from tests.support.clock import Calendar


@pytest.fixture
def tables(audience: str) -> str:
    """Those of the service that the test is about."""
    return audience


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A new SQLite database, where the kind of database makes no difference."""
    return f"sqlite:///{tmp_path}/service.db"


@pytest.fixture
def clock() -> Calendar:
    return Calendar()


@pytest.fixture
def catalog() -> Iterator[Catalog]:
    """The catalog at `CATALOG_ADDRESS`."""
    stub = Catalog()
    with respx.mock(assert_all_called=False) as router:
        router.route(host=CATALOG_HOST).mock(side_effect=stub.respond)
        yield stub
