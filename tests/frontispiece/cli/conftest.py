"""A project that has nothing to do with the shop."""

from pathlib import Path

import pytest

from tests.support.foreign import write_project


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path / "project")
