"""`front new`: a page, a service or a layer in a project, wired and with its test."""

import keyword
import os
import re
from collections.abc import Mapping
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from string import Template
from typing import Annotated, Final

import typer
from rich.markup import escape

from frontispiece.cli.project import Project
from frontispiece.cli.scaffold.wiring import NotWired, with_page
from frontispiece.cli.terminal import Folder, fail, open_project, out
from frontispiece.errors import nearest
from frontispiece.server import GATEWAY
from frontispiece.settings import PROJECT_FILE

NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")

app = typer.Typer(no_args_is_help=True, help="Add a page, a service or a layer, with its test.")

Name = Annotated[str, typer.Argument(help="In small letters, words with hyphens between them.")]


class NotAdded(Exception):
    """Nothing has been written; the message says why."""


@app.command()
def page(
    name: Name,
    bff: Annotated[str | None, typer.Option(help="The app that serves it, if there are several.")] = None,
    project: Folder = None,
) -> None:
    """Add a page to a BFF, with its route and its test."""
    opened = open_project(project)
    try:
        serving, package = _bff(opened, bff)
        values = _values(name, bff=serving, package=package)
        module = values["module"]
        addition = Addition(opened, values)
        addition.create(f"{package}/pages/{module}.py", "page.py.txt")
        addition.create(f"tests/test_{module}.py", "test_page.py.txt")
        addition.append(opened.routes, "page_route.toml.txt")
        wiring = opened.folder / package / "app.py"
        addition.change(wiring, with_page(wiring.read_text(encoding="utf-8"), f"{package}.pages", module))
        addition.write()
    except (NotAdded, NotWired, OSError) as error:
        fail(str(error))


@app.command()
def service(name: Name, project: Folder = None) -> None:
    """Add a service, a stand-in for one of yours, with a route to it and its test."""
    opened = open_project(project)
    if name in opened.apps:
        fail(f"There is an app {name} in {PROJECT_FILE} already.")
    try:
        values = _values(name)
        addition = Addition(opened, values)
        addition.create(f"services/{values['module']}.py", "service.py.txt")
        addition.create(f"tests/test_{values['module']}_service.py", "test_service.py.txt")
        addition.append(opened.folder / PROJECT_FILE, "service.toml.txt")
        addition.append(opened.routes, "service_route.toml.txt")
        addition.write()
    except (NotAdded, OSError) as error:
        fail(str(error))


@app.command()
def layer(name: Name, project: Folder = None) -> None:
    """Add a layer of the project's own, with its test; routes have it by `layers.NAME`."""
    opened = open_project(project)
    try:
        values = _values(name)
        addition = Addition(opened, values)
        addition.create(f"{values['module']}.py", "layer.py.txt")
        addition.create(f"tests/test_{values['module']}.py", "test_layer.py.txt")
        addition.append(opened.folder / PROJECT_FILE, "layer.toml.txt")
        addition.write()
        out.print(f"\nA route has it by [bold]layers.{values['module']} = {{}}[/].", highlight=False)
    except (NotAdded, OSError) as error:
        fail(str(error))


class Addition:
    """What is added to a project: collected first, and written when all of it can be.

    Args:
        project: the project.
        values: of the placeholders of templates.
    """

    def __init__(self, project: Project, values: Mapping[str, str]) -> None:
        self._folder = project.folder
        self._values = values
        self._new: dict[Path, str] = {}
        self._changed: dict[Path, str] = {}

    def create(self, path: str, template: str) -> None:
        """A new file in the project.

        Raises:
            NotAdded: there is one already.
        """
        file = self._folder / path
        if os.path.lexists(file):  # a link that leads nowhere, too
            raise NotAdded(f"{file} exists already.")
        self._new[file] = self._filled(template)

    def append(self, file: Path, template: str) -> None:
        """Text at the end of a file."""
        self.change(file, f"{file.read_text(encoding='utf-8').rstrip()}\n\n{self._filled(template)}")

    def change(self, file: Path, text: str) -> None:
        """A file's new text."""
        self._changed[file] = text

    def write(self) -> None:
        """Write all of it, and say what was written."""
        for file, text in {**self._new, **self._changed}.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            verb = "written" if file in self._new else "changed"
            out.print(f"  {verb}  {escape(str(file))}", highlight=False)

    def _filled(self, template: str) -> str:
        text = (files(__package__) / "templates" / template).read_text(encoding="utf-8")
        return Template(text).substitute(self._values)


def _bff(project: Project, named: str | None) -> tuple[str, str]:
    """The name of the BFF that gets a page, and its package."""
    packages = {
        name: app.factory.removesuffix(".app:create_app")
        for name, app in project.apps.items()
        if app.factory and app.mounted and app.factory.endswith(".app:create_app")
    }
    if named is not None and named not in packages:
        raise NotAdded(f"There is no BFF {named!r}: a mounted app PACKAGE.app{nearest(named, packages)}")
    if named is None and len(packages) != 1:
        found = ", ".join(packages) or "none"
        raise NotAdded(f"Name the BFF by --bff: the mounted apps PACKAGE.app are {found}.")
    name = named or next(iter(packages))
    return name, packages[name].replace(".", "/")


def _values(name: str, **more: str) -> dict[str, str]:
    module = name.replace("-", "_")
    if NAME.fullmatch(name) is None:
        raise NotAdded(f"{name!r} is no name: write small letters, and hyphens between words.")
    if keyword.iskeyword(module) or name == GATEWAY or find_spec(module) is not None:
        raise NotAdded(f"{name!r} has another meaning in Python or in the project: choose another name.")
    words = "".join(word.capitalize() for word in name.split("-"))
    return {
        "name": name,
        "path": name,
        "module": module,
        "module_id": f"{module}_id",
        "class_name": words,
        **more,
    }
