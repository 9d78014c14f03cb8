"""Commands of a project's own: `[commands]` of frontispiece.toml, beside those of `front`."""

import os
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import typer
from typer.core import TyperGroup

from frontispiece.cli.project import Project, find
from frontispiece.cli.run.data_folder import run_addresses
from frontispiece.cli.terminal import Data, data_folder, open_project
from frontispiece.errors import ConfigError, UserError
from frontispiece.factories import attribute

HELP_NAMES: Final = {"help_option_names": ["-h", "--help"]}


class Commands(TyperGroup):
    """The commands of `front` and those of the project that FRONT_PROJECT or the folder names."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command; what its user can put right is printed, and ends it with status 1."""
        try:
            return super().invoke(ctx)
        except UserError as error:
            typer.secho(str(error), fg="red", err=True)
            raise typer.Exit(1) from None

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of all commands; those of `front` alone where there is no valid project."""
        try:
            of_project = _project().commands
        except ConfigError:  # `front --help` works everywhere
            of_project = {}
        return [*super().list_commands(ctx), *of_project]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command with this name; one of the project is imported only when it runs."""
        if (own := super().get_command(ctx, cmd_name)) is not None:
            return own
        try:
            reference = _project().commands.get(cmd_name)
        except ConfigError:
            return None
        return None if reference is None else _deferred(cmd_name, reference)


def _project() -> Project:
    return find(Path(folder) if (folder := os.environ.get("FRONT_PROJECT")) else None)


def _deferred(name: str, reference: str) -> Any:
    """A command that hands its arguments to the project's typer app."""
    shell = typer.Typer(add_completion=False)
    settings = {
        "ignore_unknown_options": True,
        "allow_extra_args": True,
        "allow_interspersed_args": False,
    }

    @shell.command(
        name,
        help=f"A command of this project ({reference}).",
        add_help_option=False,
        context_settings=settings,
    )
    def run(ctx: typer.Context, data: Data = None) -> None:
        project = open_project(_project().folder)
        arguments, named = _without_data(ctx.args)
        folder = data_folder(project, data or named)
        set_databases(project, folder)
        set_broker(project, folder)
        set_gateway(folder)
        loaded = load(reference)
        loaded._add_completion = False  # noqa: SLF001 (that of `front` completes it)
        command = typer.main.get_command(loaded)
        command.context_settings = {**HELP_NAMES, **command.context_settings}
        command.epilog = f"Another data folder than .data: {ctx.command_path} … --data DIR"
        command.main(arguments, prog_name=ctx.command_path)

    return typer.main.get_command(shell)


def _without_data(arguments: list[str]) -> tuple[list[str], Path | None]:
    """The arguments of a command of the project without `--data DIR`, and that folder."""
    rest: list[str] = []
    folder = None
    given = iter(arguments)
    for argument in given:
        name, equals, value = argument.partition("=")
        if name == "--data" and (value or not equals):
            folder = Path(value or next(given, "."))
        elif argument == "--":
            return [*rest, argument, *given], folder
        else:
            rest.append(argument)
    return rest, folder


def load(reference: str) -> typer.Typer:
    """The typer app that a reference names.

    Raises:
        ConfigError: it cannot be imported, or it is none.
    """
    found = attribute(reference)
    if not isinstance(found, typer.Typer):
        raise ConfigError(
            [f"{reference} is no typer.Typer, but {type(found).__name__}: name an attribute that is one"]
        )
    return found


def errors(project: Project, taken: Collection[str]) -> Iterator[str]:
    """The errors of a project's commands; `taken` are the names of those of `front`."""
    for name, reference in project.commands.items():
        if name in taken:
            yield f"commands.{name}: front has a command with this name: choose another"
        try:
            load(reference)
        except ConfigError as error:
            yield f"commands.{name}: {error}"


def set_databases(project: Project, data: Path) -> None:
    """Set the variables of all apps' databases: those that are not set lie in the data folder."""
    from frontispiece.cli.run.environment import database_variable  # noqa: PLC0415 (other commands start faster without)

    for name, app in project.apps.items():
        for variable in (*app.databases, *([app.shards.variable] if app.shards else ())):
            os.environ[variable] = database_variable(project, name, variable, data)


def set_broker(project: Project, data: Path) -> None:
    """Set the variables of the broker, where the project has events and one is known."""
    from frontispiece.cli.client.broker import find_broker  # noqa: PLC0415 (the same)

    with suppress(ConfigError):  # the settings of a command that needs one say so
        os.environ["EVENTS_URL"], os.environ["EVENTS_PREFIX"] = find_broker(project, data)


def set_gateway(data: Path) -> None:
    """Set FRONT_URL, unless it is set, where a run has the data folder."""
    with suppress(ConfigError):  # it has crashed: a command that calls a gateway says that nothing answers
        if run := run_addresses(data):
            os.environ.setdefault("FRONT_URL", run.url)
