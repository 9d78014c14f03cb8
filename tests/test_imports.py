import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.shop import ROOT

PACKAGES = ("kit", "gateway", "bff", "services", "front")

BROKEN = [
    ("kit/money.py", "import gateway.table", "Everything may use kit"),
    ("gateway/match.py", "import services.catalog.model", "The gateway knows no shop"),
    ("services/basket/model.py", "import gateway.upstream", "A service reaches others over the network only"),
    ("services/basket/model.py", "import services.catalog.model", "No service imports another"),
    ("bff/shapes.py", "import services.catalog.model", "BFFs reach services over the network only"),
    ("bff/shapes.py", "import gateway.table", "Of the gateway, BFFs use pages and upstreams"),
    ("bff/mobile/tiles.py", "import bff.web.cards", "Each client has a backend of its own"),
    ("services/basket/model.py", "import front.roles", "A service reaches others over the network only"),
]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """The import rules, applied to the packages in this folder."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    return subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The packages, where a test may spoil them."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_dependencies_point_one_way() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("module", "line", "rule"), BROKEN)
def test_an_import_against_a_rule_is_found(copy: Path, module: str, line: str, rule: str) -> None:
    with (copy / module).open("a") as source:
        source.write(f"\n{line}\n")

    done = lint(copy)
    assert done.returncode == 1
    assert f"{rule}" in done.stdout.partition("Broken contracts")[2]


def test_every_module_of_the_gateway_is_open_or_closed_to_bffs() -> None:
    parts = {path.stem for path in (ROOT / "gateway").iterdir() if not path.name.startswith("__")}
    rules = (ROOT / "pyproject.toml").read_text()

    closed = {part for part in parts if f'"gateway.{part}"' in rules}
    assert parts - closed == {"page", "upstream"}
