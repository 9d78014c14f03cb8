"""Imports against the rules of pyproject.toml are found."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.shop import ROOT

PACKAGES = ("frontispiece", "gateway", "bff", "services", "shop")

BROKEN = [
    ("frontispiece.http.router", "frontispiece.gateway.call", "Imports point one way"),
    ("frontispiece.upstream.client", "frontispiece.pages", "Imports point one way"),
    ("frontispiece.http.router", "services.catalog.model", "The platform knows no shop"),
    ("shop.money", "services.catalog.model", "What the shop's parts share uses none of them"),
    ("services.basket.model", "services.catalog.model", "Apps of the shop reach each other"),
    ("services.basket.model", "bff.web.app", "Apps of the shop reach each other"),
    ("bff.mobile.cards", "bff.web.cards", "Apps of the shop reach each other"),
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


def test_an_import_against_a_rule_is_found(copy: Path) -> None:
    for module, imported, _ in BROKEN:
        with (copy / module.replace(".", "/")).with_suffix(".py").open("a") as source:
            source.write(f"\nimport {imported}\n")

    done = lint(copy)

    assert done.returncode == 1
    broken = done.stdout.partition("Broken contracts")[2]
    for module, imported, rule in BROKEN:
        of_rule = re.split(r"\n.*\n-{5,}\n", broken.partition(f"\n{rule}")[2].partition("\n-")[2])[0]
        assert f"{module} -> {imported} (l." in of_rule, rule
