"""docs/deploy.md names every setting as the code has it: a setting without documentation fails here."""

import re
from pathlib import Path

import pytest

from front.roles import ROLES
from tests.support.variables import variables

PAGE = Path(__file__).parents[1] / "docs" / "deploy.md"
ROW = re.compile(r"^\| `([A-Z0-9_]+)` \| ([^|]+) \| ([^|]+) \| \S.* \|$", re.MULTILINE)


@pytest.fixture(scope="module")
def rows() -> dict[str, tuple[str, str]]:
    """Who reads a variable, and its default, as the page says."""
    found = ROW.findall(PAGE.read_text(encoding="utf-8"))
    assert len(found) == len({name for name, _, _ in found}), "a variable has two rows"
    return {name: (readers, default) for name, readers, default in found}


@pytest.mark.parametrize("role", ROLES)
def test_every_setting_of_a_role_is_documented_with_its_default(
    role: str, rows: dict[str, tuple[str, str]]
) -> None:
    told = {name: default for name, (readers, default) in rows.items() if _reads(role, readers)}
    true = {
        variable.name: "required" if variable.default is None else f"`{variable.default}`"
        for variable in variables(role).values()
    }

    assert told == true


def test_no_role_is_documented_that_there_is_not(rows: dict[str, tuple[str, str]]) -> None:
    named = {reader for readers, _ in rows.values() for reader in readers.split(", ")}

    assert named <= {"every role", *ROLES}


def _reads(role: str, readers: str) -> bool:
    return readers == "every role" or role in readers.split(", ")
