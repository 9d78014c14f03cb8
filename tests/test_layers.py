"""Imports against the rules of pyproject.toml are found."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.shop import ROOT

PACKAGES = ("frontispiece", "gateway", "bff", "services", "shop")

BROKEN = [
    ("frontispiece/http/router.py", "import frontispiece.gateway.call", "Imports point one way"),
    ("frontispiece/upstream/client.py", "import frontispiece.pages", "Imports point one way"),
    ("frontispiece/http/router.py", "import services.catalog.model", "The platform knows no shop"),
    ("shop/money.py", "import services.catalog.model", "What the shop's parts share uses none of them"),
    ("services/basket/model.py", "import services.catalog.model", "Apps of the shop reach each other"),
    ("services/basket/model.py", "import bff.web.app", "Apps of the shop reach each other"),
    ("bff/mobile/cards.py", "import bff.web.cards", "Apps of the shop reach each other"),
]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """The import rules, applied to the packages in a folder."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    return subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The packages, where a test may spoil them."""
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "*.svg")
        )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.mark.parametrize(("module", "line", "rule"), BROKEN)
def test_an_import_against_a_rule_is_found(copy: Path, module: str, line: str, rule: str) -> None:
    with (copy / module).open("a") as source:
        source.write(f"\n{line}\n")

    done = lint(copy)

    assert done.returncode == 1
    assert rule in done.stdout.partition("Broken contracts")[2]
