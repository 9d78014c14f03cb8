import subprocess
import sys
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
BUILD = "from setuptools import build_meta; import sys; build_meta.build_wheel(sys.argv[1])"


def tracked(*folders: str) -> list[str]:
    """The files in these folders that git knows of and that are there."""
    command = ["git", "ls-files", "-z", "--", *folders]
    listed = subprocess.run(command, check=True, cwd=ROOT, capture_output=True, text=True).stdout
    return [name for name in listed.split("\0") if name and (ROOT / name).exists()]


@pytest.fixture(scope="module")
def packages() -> list[str]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    patterns: list[str] = settings["tool"]["setuptools"]["packages"]["find"]["include"]
    return [pattern.removesuffix("*") for pattern in patterns]


@pytest.fixture(scope="module")
def packed(packages: list[str], tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """What is in the wheel, built from a copy so that the checkout stays clean."""
    copy, dist = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("dist")
    for name in tracked(*packages, "pyproject.toml", "README.md", "requirements"):
        target = copy / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((ROOT / name).read_bytes())
    subprocess.run([sys.executable, "-c", BUILD, dist], check=True, cwd=copy, capture_output=True)
    (wheel,) = dist.glob("*.whl")
    with ZipFile(wheel) as file:
        return set(file.namelist())


def test_every_file_of_the_packages_is_installed_with_them(packed: set[str], packages: list[str]) -> None:
    missing = [name for name in tracked(*packages) if name not in packed]

    assert not missing


def test_nothing_else_is_installed(packed: set[str], packages: list[str]) -> None:
    tops = {name.partition("/")[0] for name in packed}

    assert {top for top in tops if not top.endswith(".dist-info")} == set(packages)
