"""What is public is documented: keys, settings, commands, names, metrics, problem types."""

import ast
import re
import tomllib
from functools import cache
from http import HTTPStatus
from typing import Any

import griffe
from typer.core import TyperCommand, TyperGroup

from docsite.pages import ROOT
from docsite.reference import (
    front_command,
    packages,
    project_file,
    public_packages,
    route_table,
    stability,
    variables,
)
from tests.support.shop import PROJECT

PLATFORM = ROOT / "frontispiece"
METRIC = re.compile(r"(?:gateway|events)_[a-z_]+")
METRIC_ROW = re.compile(rf"`({METRIC.pattern})`")
PROBLEM_ROW = re.compile(r"^\| `([a-z-]+)` \| ([\d, ]+) \| \S.* \|$", re.MULTILINE)


def test_every_key_of_the_route_table_and_of_the_project_file_is_documented() -> None:
    assert route_table().undocumented() + project_file().undocumented() == []


def test_every_setting_is_documented() -> None:
    assert [variable.name for variable in variables() if not variable.description] == []
    assert {reader for readers in variables().values() for reader in readers} == set(PROJECT.factories)


def test_every_extra_is_documented() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    installing = (
        (ROOT / "docs" / "project.md").read_text().partition("## Installing")[2].partition("\n## ")[0]
    )
    named = [row.split("|")[1] for row in installing.splitlines() if row.startswith("| `")]

    assert re.findall("`(.+?)`", "".join(named)) == list(extras)


def test_every_command_and_option_is_documented() -> None:
    def undocumented(command: TyperCommand | TyperGroup, name: str) -> list[str]:
        found = [] if command.help else [name]
        found += [f"{name} {each.name}" for each in command.params if not documented(each)]
        for inner, each in getattr(command, "commands", {}).items():
            found += undocumented(each, f"{name} {inner}")
        return found

    def documented(parameter: Any) -> bool:
        return parameter.hidden or bool(parameter.help)

    assert undocumented(front_command(), "front") == []


def test_every_public_name_is_documented() -> None:
    platform = griffe.load("frontispiece", search_paths=[str(ROOT)], resolve_aliases=True)
    undocumented = []
    for package in public_packages():
        names = platform[package].exports
        assert names, f"frontispiece.{package} has no __all__"
        undocumented += [
            f"{package}.{name}" for name in map(str, names) if not platform[f"{package}.{name}"].docstring
        ]

    assert undocumented == []


def test_every_package_says_how_stable_it_is() -> None:
    assert [package for package in packages() if stability(package) is None] == []


def test_every_metric_is_documented() -> None:
    page = (ROOT / "docs" / "metrics.md").read_text()
    documented = {name.removesuffix("_total") for name in METRIC_ROW.findall(page)}

    assert {name.removesuffix("_total") for name in constants() if METRIC.fullmatch(name)} <= documented


@cache
def modules() -> list[ast.Module]:
    """The code of the platform, without the templates of new projects."""
    paths = (path for path in PLATFORM.rglob("*.py") if "scaffold" not in path.parts)
    return [ast.parse(path.read_text()) for path in paths]


@cache
def constants() -> set[str]:
    """Every string in the code of the platform."""
    nodes = (node for module in modules() for node in ast.walk(module))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def test_every_problem_type_is_documented_with_its_status() -> None:
    page = (ROOT / "docs" / "problems.md").read_text()
    documented = {(kind, int(each)) for kind, row in PROBLEM_ROW.findall(page) for each in row.split(", ")}
    raised = {pair for module in modules() for pair in problems(module)}

    assert raised - documented == set()
    assert {kind for kind, _ in documented} - constants() == set()


def problems(module: ast.Module) -> set[tuple[str, int]]:
    """The kinds of problems that a module raises, with their statuses, where both are written out."""
    found = set()
    for node in ast.walk(module):
        match node:
            case (
                ast.Call(args=[ast.Constant(value=int(status)), ast.Constant(value=str(kind)), *_])
                | ast.Assign(
                    targets=[ast.Tuple(elts=[ast.Name(id="status"), ast.Name(id="kind"), _])],
                    value=ast.Tuple(elts=[ast.Constant(value=int(status)), ast.Constant(value=str(kind)), _]),
                )
            ) if status >= HTTPStatus.BAD_REQUEST:
                found.add((kind, status))
    return found
