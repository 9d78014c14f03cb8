from collections.abc import Mapping
from pathlib import Path

import pytest


@pytest.fixture
def urls(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Mapping[str, str]:
    """Two shards, on SQLite and on PostgreSQL."""
    if database_url.startswith("sqlite"):
        return {"0": database_url, "1": f"sqlite:///{tmp_path}/1.db"}
    return {"0": database_url, "1": request.getfixturevalue("postgres").new_database()}
