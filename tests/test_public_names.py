"""The shop uses nothing of the platform but its public names, and both speak the field's words."""

import ast
import re
import subprocess
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from tests.support.shop import ROOT

SHOP = ("gateway", "bff", "services", "shop")


def sources(*folders: str) -> list[Path]:
    """The Python files in these folders that git knows of, but for generated ones."""
    command = ["git", "ls-files", "-z", "--", *(f"{folder}/*.py" for folder in folders)]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    files = [ROOT / name for name in listed.split("\0") if name and "_pb2" not in name]
    return [file for file in files if file.exists()]


def imported(file: Path) -> Iterator[tuple[str, str]]:
    """Every module of the platform that a file imports, with the name that it takes from it."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.module, alias.name) for alias in node.names)


def test_the_shop_uses_public_names_of_the_platform_only() -> None:
    private = [
        f"{file.relative_to(ROOT)}: from {module} import {name}"
        for file in sources(*SHOP)
        for module, name in imported(file)
        if module.split(".")[0] == "frontispiece"
        and (module.count(".") != 1 or name not in import_module(module).__all__)
    ]

    assert not private


RIDDLES = frozenset({"told", "kept", "asked", "said", "behalf", "nonsense", "patience"})
PERSONS = frozenset({"somebody", "nobody", "whoever", "ours", "theirs"})
SUSPECT = re.compile("|".join({"most_", *RIDDLES, *PERSONS}), re.IGNORECASE)
WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")


def identifiers(file: Path) -> Iterator[str]:
    """Every name that a file defines or assigns."""
    for node in ast.walk(ast.parse(file.read_text())):
        match node:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                yield node.name
            case ast.arg():
                yield node.arg
            case ast.Name(ctx=ast.Store()):
                yield node.id
            case ast.Attribute(ctx=ast.Store()):
                yield node.attr


def test_names_say_requests_and_responses_limits_and_callers() -> None:
    """`max_connections` and not `most`, `cached` and not `kept`, `anonymous` and not `nobody`."""
    found = {
        f"{file.relative_to(ROOT)}: {name}"
        for file in sources(*SHOP, "frontispiece", "bench")
        if SUSPECT.search(file.read_text())  # parsing them all takes seconds
        for name in identifiers(file)
        if (words := {word.lower() for word in WORD.findall(name)}) & (RIDDLES | PERSONS)
        or (len(words) > 1 and name.lower().lstrip("_").startswith("most_"))
    }

    assert not found


def test_names_of_tests_say_who_acts() -> None:
    """A caller, a client, a service or an operator, and not `nobody` or `whoever`."""
    defined = re.compile(r"^(?:async )?def (test_\w+)", re.MULTILINE)
    found = {
        f"{file.relative_to(ROOT)}: {name}"
        for file in sources("tests")
        for name in defined.findall(file.read_text())
        if {*name.split("_")} & (PERSONS | {"anybody"})
    }

    assert not found


WORDS_OF_THE_SHOP = (
    r"\b(skus?|baskets?|catalog(ue)?s?|orders|ordering|inventory|discounts?|reviews?|shop(per)?s?|pens)\b"
)


def test_nothing_in_the_platform_has_a_word_of_the_shop() -> None:
    found = [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()}"
        for file in sorted((ROOT / "frontispiece").rglob("*.py"))
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(WORDS_OF_THE_SHOP, line, re.IGNORECASE)
    ]

    assert not found, "\n".join(found)
