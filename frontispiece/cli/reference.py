"""`front settings` and `front schema`: what can be written, where, and what it is."""

import json
from typing import Annotated

import typer
from rich.markup import escape

from frontispiece.cli import completion
from frontispiece.cli.terminal import Folder, fail, new_table, open_project, print_table
from frontispiece.errors import nearest


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
        fail(f"There is no app {name!r} with a factory{nearest(name, factories)}")
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
    from frontispiece.cli.tables import layers_of  # noqa: PLC0415 (other commands start faster without)
    from frontispiece.gateway import own_layers  # noqa: PLC0415
    from frontispiece.gateway.config.table import schema as schema_of  # noqa: PLC0415

    layers = layers_of(open_project(project))
    typer.echo(json.dumps(schema_of(own_layers.models(layers)), indent=2))
