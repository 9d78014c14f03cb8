"""The command about databases: `migrate`."""

from typing import Annotated

import typer
from rich.markup import escape

from frontispiece.cli import completion
from frontispiece.cli.terminal import Data, Folder, data_folder, err, fail, open_project, out
from frontispiece.errors import ConfigError
from frontispiece.extras import MissingExtra


def migrate(
    apps: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[APP]...",
            help="Some apps; all with a database when left out.",
            autocompletion=completion.apps,
        ),
    ] = None,
    project: Folder = None,
    data: Data = None,
    *,
    check: Annotated[
        bool,
        typer.Option("--check", help="Only name how models and migrations differ; exit with 1 if they do."),
    ] = False,
    new: Annotated[
        str | None,
        typer.Option(metavar="MESSAGE", help="Write the next version of each database whose models differ."),
    ] = None,
) -> None:
    """Bring the databases of apps to the code's version; those of no variable lie in the data folder."""
    opened = open_project(project)
    try:
        from frontispiece.cli.run import migrate as run  # noqa: PLC0415 (an extra)

        chosen = run.databases(opened, apps or ())
        if check:
            _show(run.differences(chosen))
        elif new is not None:
            from frontispiece.stores.autogenerate import write_version  # noqa: PLC0415 (the same)

            for database in chosen:
                if file := write_version(database.migrations, new):
                    out.print(f"[green]✓[/] {escape(str(file))}: read it before it is run", highlight=False)
        else:
            for line in run.migrate(opened, chosen, data_folder(opened, data)):
                out.print(f"[green]✓[/] {escape(line)}", highlight=False)
    except (ConfigError, MissingExtra) as error:
        fail(str(error))


def _show(differences: list[str]) -> None:
    for difference in differences:
        err.print(f"[red]✗[/] {escape(difference)}", highlight=False)
    if differences:
        fail("Models and migrations differ: write the missing version by front migrate APP --new MESSAGE.")
    out.print("[green]✓[/] The migrations make the tables of the models.", highlight=False)
