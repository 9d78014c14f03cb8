"""The reference: pages generated from models, settings, commands and public docstrings."""

import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Final

import typer
from pydantic import create_model
from typer.cli import get_docs_for_click
from typer.core import TyperGroup

import frontispiece
from docsite.pages import ROOT
from docsite.schema import Tables
from frontispiece.cli.inspect.settings import Variable, variables_of
from frontispiece.cli.main import app
from frontispiece.cli.project import Project
from frontispiece.gateway.config.table import schema

STABILITIES: Final = ("stable", "provisional", "internal")
MARK: Final = "Stability: "


def reference() -> dict[str, str]:
    """The generated pages, by their paths on the site."""
    pages = {
        "reference/routes.md": _ROUTES + str(route_table()),
        "reference/project-file.md": _PROJECT_FILE + str(project_file()),
        "reference/settings.md": _settings(),
        "reference/cli.md": _commands(),
        "reference/python/index.md": _packages(),
    }
    for name in public_packages():
        pages[f"reference/python/{name}.md"] = f"# `frontispiece.{name}`\n\n::: frontispiece.{name}\n"
    return pages


def route_table() -> Tables:
    """The keys of the route table."""
    return Tables(schema())


def project_file() -> Tables:
    """The keys of frontispiece.toml, without the fields that a project has besides."""
    keys: dict[str, Any] = {
        name: (field.annotation, field) for name, field in Project.model_fields.items() if not field.exclude
    }
    return Tables(create_model("File", **keys).model_json_schema(by_alias=True))


def front_command() -> TyperGroup:
    """`front` with its own commands, without those of a project."""
    command = typer.main.get_group(app)
    for each in command.commands.values():
        each.short_help = (each.help or "").partition("\n")[0]  # its first line, which would be cut otherwise
    return TyperGroup(name="front", commands=dict(command.commands), help=command.help, params=command.params)


def variables() -> dict[Variable, list[str]]:
    """The settings of all apps of the shop, each with the apps that read it."""
    found: dict[Variable, list[str]] = {}
    factories = Project.load(ROOT).factories
    sys.path.insert(0, str(ROOT))
    for name in ("gateway", *(name for name in factories if name != "gateway")):
        for variable in variables_of(factories[name]):
            found.setdefault(variable, []).append(name)
    return found


def stability(package: str) -> str | None:
    """The mark in a package's docstring: `Stability: stable.`; None without one."""
    lines = (import_module(f"frontispiece.{package}").__doc__ or "").splitlines()
    marks = [line.removeprefix(MARK).removesuffix(".") for line in lines if line.startswith(MARK)]
    return marks[0] if len(marks) == 1 and marks[0] in STABILITIES else None


def packages() -> list[str]:
    """The packages and modules of the platform, by name."""
    return [module.name for module in iter_modules(frontispiece.__path__)]


def public_packages() -> list[str]:
    """Those whose names are public."""
    return [name for name in packages() if stability(name) != "internal"]


def _settings() -> str:
    found = variables()
    shared = {variable: readers for variable, readers in found.items() if len(readers) > 1}
    sections = {"Several apps": shared}
    for variable, (reader, *others) in found.items():
        if not others:
            sections.setdefault(reader, {})[variable] = [reader]
    return _SETTINGS + "\n".join(
        f"## {name}\n\n" + "\n".join(_setting_rows(rows, with_readers=rows is shared)) + "\n"
        for name, rows in sorted(
            sections.items(), key=lambda each: (each[0] != "gateway", each[0] != "Several apps")
        )
    )


def _setting_rows(rows: Mapping[Variable, list[str]], *, with_readers: bool) -> Iterator[str]:
    yield "| variable | default | what it is |" + (" read by |" if with_readers else "")
    yield "|---|---|---|" + ("---|" if with_readers else "")
    for variable, readers in rows.items():
        default = "required" if variable.default is None else f"`{variable.default}`"
        default = "" if default in {"``", "`null`"} else default
        about = variable.description.replace("|", "\\|")
        row = f'| <span id="{variable.name}">`{variable.name}`</span> | {default} | {about} |'
        yield row + (f" {', '.join(readers)} |" if with_readers else "")


def _commands() -> str:
    context = typer.Context(front_command(), info_name="front")
    return get_docs_for_click(obj=context.command, ctx=context, name="front", title="The `front` command")


def _packages() -> str:
    rows, public = [], public_packages()
    for name in packages():
        summary = (import_module(f"frontispiece.{name}").__doc__ or "").splitlines()[0]
        shown = f"[`frontispiece.{name}`]({name}.md)" if name in public else f"`frontispiece.{name}`"
        rows.append(f"| {shown} | {stability(name)} | {summary} |")
    return _PYTHON + "\n".join(rows) + "\n"


_ROUTES: Final = """# The route table

Every key of `routes.toml`. `front schema` prints the same as a JSON schema, for editors; `front check`
names every error of a table, with its line. A *duration* is written as `150ms`, `2s`, `5m`, `12h` or `1d`, a
*size* as `512B`, `64KiB` or `1MiB`; `NAME` is a name of your choice, and `[]` stands for each element of a
list.

"""
_PROJECT_FILE: Final = """# frontispiece.toml

Every key of the file that describes a project to the `front` command ([how to write it](../project.md)).
`NAME` is a name of your choice.

"""
_SETTINGS: Final = """# Settings

Every setting of the gateway, and of the BFFs and services of the shop. A setting is an environment variable,
or a file in `/run/secrets` whose name is the variable's in small letters; the variable wins. An app refuses
to start with an invalid setting. `front settings` prints the settings of your own project, with their values
and where these come from.

"""
_PYTHON: Final = """# Python API

`from frontispiece.X import …` gives the public names of a package; what its page does not list is private.
[What the marks promise](../../stability.md).

| package | stability | what it is |
|---|---|---|
"""
