"""The command `front routes`."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from frontispiece.cli.project import Project, find
from frontispiece.cli.terminal import Folder, Routes, new_table, open_project, print_table
from frontispiece.errors import ConfigError

if TYPE_CHECKING:
    from frontispiece.gateway.config.route import Route


def show_routes(
    project: Folder = None,
    routes: Routes = None,
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Every route with every key and default, as JSON.")
    ] = False,
) -> None:
    """Show the public surface as a table."""
    from frontispiece.cli.tables import load_table  # noqa: PLC0415 (other commands start faster without)
    from frontispiece.gateway.config.written import to_json  # noqa: PLC0415

    opened = open_project(project) if project or not routes else _nearest_project()
    file = routes or (opened.routes if opened else None)
    assert file is not None, "without a table there is a project"
    found = load_table(opened, file).routes
    if as_json:
        typer.echo(json.dumps(to_json(found), indent=2))
        return
    headings = ["methods", "path", "to", "auth", "scopes", "rate_limit", "timeout"]
    has_layers = any(route.layers for route in found)
    shown = new_table(*headings, *(["layers"] if has_layers else []), title=str(file))
    for route in found:
        shown.add_row(*_cells(route), *([" ".join(_layers(route))] if has_layers else []))
    print_table(shown)


def _nearest_project() -> Project | None:
    """The project whose layers a table may use that is named by itself; None without one."""
    try:
        found = find()
    except ConfigError:
        return None
    return open_project(found.folder)


def _cells(route: "Route") -> list[str]:
    return [
        " ".join(route.methods),
        route.path,
        "\n".join(route.answered_by),
        route.auth,
        " ".join(route.scopes),
        ", ".join(map(str, route.rate_limit)),
        f"{route.timeout.total_seconds():g} s",
    ]


def _layers(route: "Route") -> list[str]:
    """The names of the project's own layers that a route has."""
    return [name for name, layer in route.layers or () if layer is not None]
