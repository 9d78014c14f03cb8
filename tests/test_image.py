"""The Dockerfile, as far as it can be read without an engine to build it."""

import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def instructions() -> list[tuple[str, str]]:
    """`("COPY", "routes.toml /app/")` and so on, in order."""
    joined = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in joined.splitlines() if line and not line.startswith("#")]
    return [(line.partition(" ")[0], line.partition(" ")[2]) for line in lines]


@pytest.fixture(scope="module")
def sources(instructions: list[tuple[str, str]]) -> list[str]:
    copies = [rest.split() for word, rest in instructions if word == "COPY"]
    return [source for copy in copies if not copy[0].startswith("--from") for source in copy[:-1]]


def test_every_source_of_the_image_reaches_its_build(sources: list[str]) -> None:
    patterns = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    allowed = [pattern.removeprefix("!") for pattern in patterns]

    blocked = [
        source
        for source in sources
        if not any(
            fnmatch(path.as_posix(), name)
            for path in (Path(source), *Path(source).parents)
            for name in allowed
        )
    ]

    assert not blocked
    assert [source for source in sources if not (ROOT / source).exists()] == []


def test_the_platform_and_all_of_the_shop_are_in_the_image(sources: list[str]) -> None:
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]

    assert {*tools["importlinter"]["root_packages"], "frontispiece.toml", "clients"} <= set(sources)


def test_the_image_runs_as_a_user_who_is_not_root_by_number(instructions: list[tuple[str, str]]) -> None:
    (user,) = [rest for word, rest in instructions if word == "USER"]

    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)


def test_all_that_is_installed_from_outside_is_pinned_by_hash(instructions: list[tuple[str, str]]) -> None:
    installs = [part for word, rest in instructions if word == "RUN" for part in rest.split("&&")]
    loose = [
        install
        for install in installs
        if "pip install" in install and "--require-hashes" not in install and "--no-deps" not in install
    ]

    assert not loose
