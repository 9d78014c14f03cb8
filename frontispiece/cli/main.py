"""The `front` command."""

import os
import time
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from rich.markup import escape

from frontispiece.cli import completion, databases
from frontispiece.cli.commands import HELP_NAMES, Commands
from frontispiece.cli.commands import errors as command_errors
from frontispiece.cli.contracts import app as contracts
from frontispiece.cli.events import app as events
from frontispiece.cli.pages import explain, graph
from frontispiece.cli.project import Project, fill
from frontispiece.cli.reference import schema, settings, show_routes
from frontispiece.cli.running import import_file, login, reload_table
from frontispiece.cli.scaffold.init import init
from frontispiece.cli.scaffold.new import app as new
from frontispiece.cli.sections import DEFAULT_PORT
from frontispiece.cli.services import scale, services
from frontispiece.cli.terminal import (
    Data,
    Folder,
    Routes,
    data_folder,
    err,
    log_warnings,
    open_project,
    print_done,
    print_faults,
)
from frontispiece.errors import UserError
from frontispiece.server.signals import reset_dispositions
from frontispiece.terminal import out

if TYPE_CHECKING:
    from frontispiece.cli.run.environment import Run
    from frontispiece.gateway.config.audit import Finding

app = typer.Typer(
    name="front",
    cls=Commands,
    no_args_is_help=True,
    context_settings=HELP_NAMES,
)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 (an option's value)
    if wanted:
        version()
        raise typer.Exit


@app.callback()
def front(
    *,
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Runs and inspects a project that frontispiece.toml describes."""


PublicPort = Annotated[int, typer.Option(help="The public port, on loopback.", min=0, max=65535)]
AdminNumber = Annotated[
    int | None,
    typer.Option(
        help="The admin port, on loopback. By default 9100, or a free one when that is taken.",
        min=0,
        max=65535,
    ),
]
Admin = Annotated[bool, typer.Option("--admin/--no-admin", help="Whether there is an admin port.")]


@app.command()
def up(
    port: PublicPort = DEFAULT_PORT,
    project: Folder = None,
    data: Data = None,
    routes: Routes = None,
    *,
    admin_port: AdminNumber = None,
    admin: Admin = True,
    processes: Annotated[
        bool, typer.Option("--processes", help="Every app in a process of its own.")
    ] = False,
) -> None:
    """Run the whole project on this machine until Ctrl-C."""
    _up(project, data, routes, port=port, admin=admin, admin_port=admin_port, processes=processes)


@app.command()
def dev(
    port: PublicPort = DEFAULT_PORT,
    project: Folder = None,
    data: Data = None,
    routes: Routes = None,
    *,
    admin_port: AdminNumber = None,
    admin: Admin = True,
) -> None:
    """Run the whole project like `front up`, and serve its code as it is saved."""
    _up(project, data, routes, port=port, admin=admin, admin_port=admin_port, processes=True, say=_say)


def _say(text: str) -> None:
    err.print(f"[bold]front dev:[/] {escape(text)}", highlight=False)


def _up(project: Path | None, data: Path | None, routes: Path | None, **options: Any) -> None:
    from frontispiece.cli.run.up import Up  # noqa: PLC0415 (other commands start faster without)

    started = time.monotonic()
    opened = open_project(project)
    folder = data_folder(opened, data)

    def ready(run: "Run") -> None:
        _announce(opened, run, folder, time.monotonic() - started)

    Up(project=opened, data=folder, routes=routes or opened.routes, **options).run(ready)


def _announce(project: Project, run: "Run", data: Path, seconds: float) -> None:
    url, admin = run.url, run.admin
    out.print(f"\n[bold]Frontispiece serves at {url}[/] (ready in {seconds:.1f} s)\n")
    if run.grpc:
        out.print(f"Native gRPC is served at {run.grpc}", highlight=False)
    if project.demo.hints:
        hints = fill(project.demo.hints, {"origin": url, "data": str(data)})
        out.print(hints.rstrip(), highlight=False, markup=False)
    if project.demo.users:
        users, password = ", ".join(project.demo.users), project.demo.password
        out.print(
            f"Demo users: {users}."
            if password is None
            else f"Demo users ({users}) have the password [bold]{escape(password)}[/]."
        )
    if admin and admin.url:
        out.print(f"\nThe console is {admin.url}/console#token={admin.token}", highlight=False, markup=False)
        out.print(f"Metrics are at {admin.url}/metrics, for callers with that token.", highlight=False)
    out.print(f"\nData lies in {data}; Ctrl-C stops everything.", highlight=False)


@app.command()
def serve(
    name: Annotated[
        str,
        typer.Argument(
            metavar="APP", help="The gateway, or an app of frontispiece.toml.", autocompletion=completion.apps
        ),
    ],
    project: Folder = None,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.", min=0, max=65535)] = 8000,
    fd: Annotated[int | None, typer.Option(help="A bound socket to listen on instead.")] = None,
    admin_fd: Annotated[int | None, typer.Option(hidden=True)] = None,
    workers: Annotated[
        int, typer.Option(help="Processes that share the port, of the gateway or a mounted app.", min=1)
    ] = 1,
    *,
    migrate: Annotated[
        bool, typer.Option("--migrate", help="Bring its databases to the code's version first.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print warnings and errors alone.")] = False,
    successor: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Run one app, set up by the environment alone: what production does."""
    from frontispiece.cli.run.serve import serve as run  # noqa: PLC0415 (other commands start faster without)
    from frontispiece.server.sockets import bound, inherited  # noqa: PLC0415

    opened = open_project(project)
    if quiet:
        log_warnings(name)
    if migrate:
        os.environ["DATABASE_MIGRATE"] = "true"
    run(
        opened,
        name,
        lambda: inherited(fd) if fd is not None else bound(port, host),
        host=host,
        port=port,
        workers=workers,
        admin_sock=None if admin_fd is None else inherited(admin_fd),
        successor=successor,
    )


@app.command()
def check(
    ctx: typer.Context,
    project: Folder = None,
    data: Data = None,
    routes: Routes = None,
    *,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 at warnings, too.")] = False,
) -> None:
    """Name every error of frontispiece.toml, the route table, the settings and the pages; exit with 1 at any.

    A route table without errors is audited for writes without a login, missing limits, missing timeouts ….
    """
    from frontispiece.cli.inspect.check import find_errors, unequal_health_checks  # noqa: PLC0415
    from frontispiece.cli.route_table import load_table  # noqa: PLC0415
    from frontispiece.gateway.config.audit import audit  # noqa: PLC0415

    opened = open_project(project)
    table = routes or opened.routes
    errors = find_errors(opened, data_folder(opened, data), table)
    taken = cast(Commands, ctx.parent.command).commands if ctx.parent else ()
    errors += map(opened.located, command_errors(opened, taken))
    print_faults(errors)
    if errors:
        raise UserError(f"{_counted(len(errors), 'error')} found.")
    loaded = load_table(opened, table)
    findings = [*audit(loaded), *unequal_health_checks(opened, loaded)]
    severities = [_show(finding) for finding in findings]
    warnings = severities.count("warning")
    if warnings and strict:
        raise UserError(f"{_counted(warnings, 'warning')} found.")
    but = f", but for {_counted(warnings, 'warning')}" if warnings else ""
    print_done(f"The route table, the settings and the pages are in order{but}.")


def _show(finding: "Finding") -> str:
    """Print a finding; returns its severity."""
    console = out if finding.severity == "info" else err
    console.print(f"{_SIGNS[finding.severity]} {escape(str(finding))}", highlight=False)
    return finding.severity


_SIGNS = {"warning": "[yellow]! warning[/]", "info": "[blue]i info[/]"}


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' if count > 1 else ''}"


app.command("reload")(reload_table)
app.command()(init)
app.command("routes")(show_routes)
app.command()(settings)
app.command()(schema)
app.command()(graph)
app.command()(explain)
app.command()(databases.migrate)
app.command("import")(import_file)
app.command()(login)
app.command()(services)
app.command()(scale)
app.add_typer(new, name="new")
app.add_typer(contracts, name="contracts")
app.add_typer(events, name="events")


@app.command()
def version() -> None:
    """Print the version."""
    out.print(installed_version("frontispiece"), highlight=False)


def main() -> None:
    """Run the command line."""
    reset_dispositions()
    app(prog_name="front")  # however it was started
