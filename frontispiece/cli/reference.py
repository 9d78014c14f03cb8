"""`front settings`, `front schema` and `front routes`: what can be written, where, and what it is."""

import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from frontispiece.cli import completion
from frontispiece.cli.project import Project, find
from frontispiece.cli.terminal import Folder, Routes, open_project
from frontispiece.errors import ConfigError, UserError, nearest
from frontispiece.terminal import new_table, print_table

if TYPE_CHECKING:
    from frontispiece.gateway.config.route import Route


def settings(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[APP]", help="The gateway, or an app with a factory.", autocompletion=completion.apps
        ),
    ] = None,
    project: Folder = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print them as JSON.")] = False,
) -> None:
    """List the settings of all apps, or of one, with their defaults and where their values come from.

    Values come from the environment, from files in /run/secrets, from `front up`, or are the default.
    """
    from frontispiece.cli.inspect.settings import declared_variables, variables_of  # noqa: PLC0415 (other commands start faster without)

    opened = open_project(project)
    factories = opened.factories
    if name is not None and name not in factories:
        raise UserError(f"There is no app {name!r} with a factory{nearest(name, factories)}")
    rows = []
    for app in [name] if name else factories:
        declared = declared_variables(opened, app)
        rows += [
            {
                "app": app,
                "variable": each.name,
                "value": each.value(declared),
                "source": each.source(declared),
                "default": each.default,
                "description": each.description,
            }
            for each in variables_of(factories[app])
        ]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    table = new_table("app", "variable", "value", "source", "default", "what it is")
    for row in rows:
        shown = (escape(value) if value is not None else "" for value in row.values())
        table.add_row(*shown)
    print_table(table)


def schema(project: Folder = None) -> None:
    """Print the JSON schema of the route table, with the project's own layers.

    An editor that knows TOML takes it from `#:schema routes.schema.json` in the first line of the table.
    """
    from frontispiece.cli.route_table import layers_of  # noqa: PLC0415 (other commands start faster without)
    from frontispiece.gateway import own_layers  # noqa: PLC0415
    from frontispiece.gateway.config.table import schema as schema_of  # noqa: PLC0415

    layers = layers_of(open_project(project))
    typer.echo(json.dumps(schema_of(own_layers.models(layers)), indent=2))


def show_routes(
    project: Folder = None,
    routes: Routes = None,
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Every route with every key and default, as JSON.")
    ] = False,
) -> None:
    """Show the public surface as a table."""
    from frontispiece.cli.route_table import load_table  # noqa: PLC0415 (other commands start faster without)
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
