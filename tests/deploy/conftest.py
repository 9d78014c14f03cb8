"""Secrets as deploy/secrets.sh makes them."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.shop import ROOT


def make(folder: Path, **variables: str) -> Path:
    """Have a copy of the script in this folder make the secrets; returns theirs."""
    script = folder / "secrets.sh"
    shutil.copy(ROOT / "deploy" / "secrets.sh", script)
    subprocess.run([script], check=True, capture_output=True, env={**os.environ, **variables})
    return folder / "secrets"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the secrets, made by a copy of the script."""
    return make(tmp_path_factory.mktemp("deploy"))
