"""The options of `front`'s commands, and what their options leave out."""

import logging
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.markup import escape

from frontispiece.cli.project import Project, find
from frontispiece.cli.run.data_folder import run_addresses
from frontispiece.errors import ConfigError, UserError
from frontispiece.terminal import out, printable

err = Console(stderr=True, soft_wrap=True)

Folder = Annotated[
    Path | None,
    typer.Option(
        "--project",
        help="The folder with frontispiece.toml; by default the nearest from here upwards.",
        envvar="FRONT_PROJECT",
    ),
]
Data = Annotated[Path | None, typer.Option(help="The data folder; by default the project's .data.")]
Routes = Annotated[
    Path | None, typer.Option(help="The route table instead of the project's.", envvar="GATEWAY_ROUTES")
]
Url = Annotated[
    str | None,
    typer.Option(
        help="The gateway's URL; by default that of the project's front up, or port 8080 on this machine.",
        envvar="FRONT_URL",
    ),
]
Password = Annotated[
    str | None,
    typer.Option(help="Prompted for when it is left out, except a demo user's.", envvar="FRONT_PASSWORD"),
]

URL: Final = "http://127.0.0.1:8080"
"""Where `front up` serves unless an option says otherwise."""


def print_done(message: str) -> None:
    """Print what has been done, or found to be in order."""
    out.print(f"[green]✓[/] {escape(printable(message))}", highlight=False)


def print_faults(faults: Iterable[str]) -> None:
    """Print what is wrong, a line each."""
    for fault in faults:
        err.print(f"[red]✗[/] {escape(fault)}", highlight=False)


def open_project(folder: Path | None) -> Project:
    """The project of a command, its modules importable.

    Raises:
        ConfigError: its file has errors.
    """
    project = find(folder)
    sys.path.insert(0, str(project.folder))
    return project


def data_folder(project: Project, data: Path | None) -> Path:
    """The data folder that the option names, or the project's."""
    return data or project.folder / ".data"


def gateway_url(url: str | None, project: Path | None, data: Path | None) -> str:
    """The URL that the option names, or that of the run that has the data folder, or else `URL`."""
    if url is not None:
        return url.rstrip("/")
    try:
        run = run_addresses(data_folder(find(project), data))
    except ConfigError as error:
        raise UserError(f"{error}\nWithout a run on this machine, --url names the gateway.") from None
    return run.url if run else URL


def password_of(project: Project, user: str, password: str | None) -> str:
    """The password of the option, that of a demo user, or what is typed in."""
    if password is not None:
        return password
    if project.demo.password is not None and user in project.demo.users:
        return project.demo.password
    if not sys.stdin.isatty():
        raise UserError(f"The password of {user} is typed in at a terminal: without one, set FRONT_PASSWORD.")
    return str(typer.prompt("Password", hide_input=True, err=True))


def log_warnings(name: str = "%(name)s") -> None:
    """Write warnings to stderr; the console gets what is below, too.

    Args:
        name: of what logs, by its logger when left out.
    """
    stderr = logging.StreamHandler()
    stderr.setLevel(logging.WARNING)
    logging.basicConfig(level=logging.INFO, format=f"%(levelname)s {name}: %(message)s", handlers=[stderr])
    logging.getLogger("httpx").setLevel(logging.WARNING)  # its line for each call has paths, maybe private
