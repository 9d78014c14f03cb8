"""The command about databases: `migrate`."""

from typing import Annotated, Final

import typer

from frontispiece.cli import completion
from frontispiece.cli.terminal import Data, Folder, data_folder, open_project, print_done, print_faults
from frontispiece.errors import UserError

IN_STEP: Final = "The migrations make the tables of the models."


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
    """Bring databases to the code's version: those that variables name, else those of the data folder."""
    opened = open_project(project)
    from frontispiece.cli.run import migrate as run  # noqa: PLC0415 (an extra)

    chosen = run.databases(opened, apps or ())
    if check:
        _show(run.differences(chosen))
    elif new is not None:
        from frontispiece.stores.autogenerate import write_version  # noqa: PLC0415 (the same)

        written = [file for database in chosen if (file := write_version(database.migrations, new))]
        for file in written:
            print_done(f"{file}: read it before it is run")
        if not written:
            print_done(IN_STEP)
    else:
        for line in run.migrate(opened, chosen, data_folder(opened, data)):
            print_done(line)


def _show(differences: list[str]) -> None:
    print_faults(differences)
    if differences:
        missing = "write the missing version by front migrate APP --new MESSAGE."
        raise UserError(f"Models and migrations differ: {missing}")
    print_done(IN_STEP)
