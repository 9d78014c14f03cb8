"""The `front` command."""

import socket
import time
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from front.caller import Client, Password, secret
from front.cli_pages import explain, graph
from front.roles import ROLES
from front.terminal import DATA, ROUTES, URL, Data, Routes, Url, err, fail, out
from kit.demo import PASSWORD, USERS
from kit.faults import Faulty

if TYPE_CHECKING:
    from gateway.audit import Finding

app = typer.Typer(name="front", no_args_is_help=True, add_completion=False, help="The Frontispiece shop.")


@app.command()
def up(
    port: Annotated[int, typer.Option(help="The public port, on loopback.", min=0, max=65535)] = 8080,
    data: Data = DATA,
    routes: Routes = ROUTES,
    *,
    admin_port: Annotated[
        int | None, typer.Option(help="Serve the gateway's metrics there, on loopback.", min=1, max=65535)
    ] = None,
    processes: Annotated[
        bool, typer.Option("--processes", help="Every role in a process of its own.")
    ] = False,
) -> None:
    """Run the whole shop on this machine until Ctrl-C."""
    from front.child import ChildFailed  # noqa: PLC0415 (other commands start faster without the shop)
    from front.data import InUse  # noqa: PLC0415
    from front.server import NotStarted  # noqa: PLC0415
    from front.shop import NotReady, Shop  # noqa: PLC0415
    from front.sockets import PortTaken  # noqa: PLC0415

    begun = time.monotonic()

    def ready(url: str) -> None:
        _announce(url, data, time.monotonic() - begun)

    try:
        Shop(port=port, data=data, routes=routes, processes=processes, admin_port=admin_port).up(ready)
    except (InUse, PortTaken, ChildFailed, NotReady, NotStarted, Faulty) as fault:
        fail(str(fault))


def _announce(url: str, data: Path, seconds: float) -> None:
    from gateway.admin import AdminSettings  # noqa: PLC0415

    out.print(f"\n[bold]Frontispiece serves at {url}[/] (ready in {seconds:.1f} s)\n")
    out.print("A desktop page and a mobile screen of the same article:")
    out.print(f"  curl {url}/web/products/PENS-001", highlight=False)
    out.print(f"  curl -H 'Accept-Language: de' '{url}/mobile/products/PENS-001?dpr=2'\n", highlight=False)
    out.print(f"Demo users ({', '.join(USERS)}) have the password [bold]{PASSWORD}[/].")
    at = f" --url {url}" if url != URL else ""
    out.print("Baskets and orders are somebody's. A browser logs in here, and has a session:")
    out.print(f"  {url}/web/session/login?return_to=/web/home", highlight=False)
    out.print("A phone gets a token; at the terminal:")
    login = f".venv/bin/front login shopper{at}"
    out.print(f'  curl -H "Authorization: Bearer $({login})" {url}/mobile/basket', highlight=False)
    session = f'curl -H "Cookie: $({login} --client web)" -H "X-CSRF: 1"'
    out.print(f"  {session} {url}/web/basket", highlight=False)
    if (admin := AdminSettings()).address:
        out.print(f"\nMetrics are at http://{admin.admin}/metrics.", highlight=False)
    out.print(f"\nData lies in {data}; Ctrl-C stops everything.", highlight=False)


@app.command()
def serve(
    role: Annotated[str, typer.Argument(help=f"One of {', '.join(ROLES)}.")],
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.", min=0, max=65535)] = 8000,
    fd: Annotated[int | None, typer.Option(help="A bound socket to listen on instead.")] = None,
    workers: Annotated[
        int, typer.Option(help="Processes that share the port, of the gateway or a BFF.", min=1)
    ] = 1,
) -> None:
    """Run one role, set up by the environment: what production does."""
    from front.listening import serve as serve_here  # noqa: PLC0415
    from front.server import NotStarted  # noqa: PLC0415
    from front.sockets import PortTaken, bound  # noqa: PLC0415
    from front.workers import CAN_BE_MANY, WorkerEnded  # noqa: PLC0415
    from front.workers import serve as serve_by_many  # noqa: PLC0415

    if role not in ROLES:
        fail(f"There is no role {role}: it is one of {', '.join(ROLES)}.")
    if workers > 1 and role not in CAN_BE_MANY:
        fail(f"{role} has no workers: only {', '.join(CAN_BE_MANY)} have.")
    try:
        sock = socket.socket(fileno=fd) if fd is not None else bound(port, host)
        if workers > 1:
            serve_by_many(role, sock, workers)
        else:
            serve_here(role, sock)
    except (PortTaken, NotStarted, WorkerEnded, Faulty) as fault:
        fail(str(fault))


@app.command()
def check(
    data: Data = DATA,
    routes: Routes = ROUTES,
    *,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 at warnings, too.")] = False,
) -> None:
    """Name every fault of the route table, the settings and the pages; exit with 1 when there are any.

    A table without faults is looked through for what mostly should not be: routes that anybody may write by,
    without limits or timeouts, and the like.
    """
    from front.check import faults, findings  # noqa: PLC0415

    found = faults(data, routes)
    for fault in found:
        err.print(f"[red]✗[/] {escape(fault)}", highlight=False)
    if found:
        fail(f"{_so_many(len(found), 'fault')} found.")
    severities = [_tell(finding) for finding in findings(routes)]
    if errors := severities.count("error"):
        fail(f"{_so_many(errors, 'error')} found.")
    warnings = severities.count("warning")
    if warnings and strict:
        fail(f"{_so_many(warnings, 'warning')} found.")
    but = f", but for {_so_many(warnings, 'warning')}" if warnings else ""
    out.print(f"[green]✓[/] The route table, the settings and the pages are in order{but}.")


def _tell(finding: "Finding") -> str:
    """Show a finding; returns its severity."""
    where = out if finding.severity == "info" else err
    where.print(f"{_SIGNS[finding.severity]} {escape(str(finding))}", highlight=False)
    return finding.severity


_SIGNS = {"error": "[red]✗ error[/]", "warning": "[yellow]! warning[/]", "info": "[blue]i info[/]"}


def _so_many(count: int, what: str) -> str:
    return f"{count} {what}{'s' if count > 1 else ''}"


@app.command("reload")
def reload_table(
    admin: Annotated[
        str, typer.Option(help="host:port of the gateway's admin port.", envvar="GATEWAY_ADMIN")
    ] = "127.0.0.1:9100",
    workers: Annotated[
        int, typer.Option(help="How many workers the gateway has; their ports follow each other.", min=1)
    ] = 1,
) -> None:
    """Have the running gateway serve its route table as it is now; exit with 1 when that is faulty."""
    from front.reload import NotReloaded, reload  # noqa: PLC0415

    try:
        said = reload(admin, workers)
    except (NotReloaded, Faulty) as fault:
        fail(str(fault))
    for port, outcome in said.items():
        out.print(f"[green]✓[/] {port}: {outcome}", highlight=False)


@app.command("routes")
def show_routes(routes: Routes = ROUTES) -> None:
    """Show the public surface as a table."""
    from gateway.table import load  # noqa: PLC0415

    try:
        table = load(routes)
    except Faulty as faulty:
        fail("\n".join(faulty.faults))
    shown = Table("methods", "path", "to", "auth", "scopes", "limit", "timeout", title=str(routes))
    for route in table.routes:
        leads_to = (
            f"{route.to.service}:{route.target}"
            if route.to
            else "\n".join(f"{name}: {part.from_}" for name, part in (route.parts or {}).items())
        )
        timeout = f"{route.timeout.total_seconds():g} s"
        shown.add_row(
            " ".join(route.methods),
            route.path,
            leads_to,
            route.auth,
            " ".join(route.scopes),
            ", ".join(map(str, route.limit)),
            timeout,
        )
    out.print(shown)


app.command()(graph)
app.command()(explain)


@app.command("import")
def import_catalogue(
    file: Annotated[
        Path, typer.Argument(help="A JSON list of products: Id, Type, Brand, Name, Description, Price.")
    ],
    url: Url = URL,
    user: Annotated[
        str, typer.Option(help="Who may write the catalogue; the demo clerk by default.")
    ] = "clerk",
    password: Password = None,
    currency: Annotated[str, typer.Option(help="Of the prices, ISO 4217.")] = "EUR",
) -> None:
    """Put a catalogue into the running shop: all of it, or nothing when any row is wrong."""
    from front.login import LoginFailed, phone  # noqa: PLC0415
    from front.upload import ImportFailed, upload  # noqa: PLC0415

    try:
        count = upload(file, url, lambda: phone(url, user, secret(user, password)), currency, err)
    except (ImportFailed, LoginFailed, Faulty) as fault:
        fail(f"{fault}\nNothing was imported.")
    out.print(
        f"[green]✓[/] {count} products imported. They have no stock yet: PUT {url}/api/inventory/stock/SKU."
    )


@app.command()
def login(
    user: Annotated[str, typer.Argument(help="The name at the shop's identity service.")],
    url: Url = URL,
    password: Password = None,
    client: Annotated[
        Client,
        typer.Option(help="A phone's login gives a token, a browser's a Cookie header."),
    ] = Client.MOBILE,
) -> None:
    """Log in at the running shop and print a phone's access token, or a browser's Cookie header."""
    from front.login import LoginFailed, browser, phone  # noqa: PLC0415

    logs_in = phone if client is Client.MOBILE else browser
    try:
        print(logs_in(url, user, secret(user, password)))  # noqa: T201 (bare, to be captured by a shell)
    except LoginFailed as fault:
        fail(str(fault))


@app.command()
def version() -> None:
    """Print the version."""
    out.print(installed_version("frontispiece"), highlight=False)


def main() -> None:
    """Run the command line."""
    app()
