"""`front contracts`: what released clients rely on, and whether the project's apps keep it."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from frontispiece.cli.openapi_diff import diff
from frontispiece.cli.terminal import (
    Folder,
    fail,
    new_table,
    open_project,
    out,
    print_done,
    print_faults,
    print_table,
)
from frontispiece.settings import value_of

if TYPE_CHECKING:
    from frontispiece.cli.inspect.contracts import Opened
    from frontispiece.contracts import Verified

app = typer.Typer(
    invoke_without_command=True,
    help="Whether the project's apps keep what released clients rely on; without a command, the matrix.",
)


@app.callback()
def matrix(ctx: typer.Context, project: Folder = None) -> None:
    """Verify every version in the field, and show the matrix; exit with 1 when one of them is broken."""
    if ctx.invoked_subcommand is not None:
        return
    opened = _open(project)
    wrong = opened.disagreements(_today())
    rows = asyncio.run(opened.matrix(_today()))
    services = opened.service_conflicts() | opened.event_conflicts() | opened.graph_conflicts(_today())
    _show(opened, rows)
    _show_services(services)
    _conclude([*wrong, *_broken(rows, services)], "Every version in the field has what it relies on.")


@app.command()
def check(
    project: Folder = None,
    base: Annotated[
        str | None, typer.Option(help="Compare the contracts with those of this revision of git, too.")
    ] = None,
    broker: Annotated[
        str | None,
        typer.Option(help="Publish contracts and results to this Pact broker.", envvar="PACT_BROKER_URL"),
    ] = None,
    broker_token: Annotated[
        str | None, typer.Option(help="The broker's bearer token.", envvar="PACT_BROKER_TOKEN")
    ] = None,
) -> None:
    """May these apps be released while those versions are in the field? Exit with 1 when not, and say why.

    Files and git say it, without a broker. What cannot be read counts as broken.
    """
    opened = _open(project)
    wrong = opened.disagreements(_today())
    for change in opened.changes(base, _today()) if base is not None else ():
        if change.is_breach:
            wrong.append(change.text)
        else:
            out.print(f"[blue]i[/] {escape(change.text)}", highlight=False)
    rows = asyncio.run(opened.matrix(_today()))
    services = opened.service_conflicts() | opened.event_conflicts() | opened.graph_conflicts(_today())
    if broker:
        from frontispiece.contracts.broker import publish  # noqa: PLC0415 (other commands start faster without)

        for line in publish(broker, broker_token, rows, opened.revision()):
            out.print(f"published: {line}", highlight=False, markup=False)
    _show(opened, rows)
    _show_services(services)
    _conclude([*wrong, *_broken(rows, services)], "These apps may be released.")


@app.command()
def usage(
    project: Folder = None,
    admin: Annotated[
        str | None, typer.Option(help="The URL of the gateway's admin port: show each version's calls, too.")
    ] = None,
    admin_token: Annotated[str, typer.Option(help="Its token.", envvar="GATEWAY_ADMIN_TOKEN")] = "",
    days: Annotated[int, typer.Option(help="Calls of so many days.", min=1)] = 30,
    *,
    unread: Annotated[bool, typer.Option("--unread", help="Only fields that no version reads.")] = False,
) -> None:
    """Show which versions in the field read each field, so that an unread one can go."""
    from frontispiece.contracts.client_calls import calls_by_version  # noqa: PLC0415 (other commands start faster without)
    from frontispiece.contracts.usage import topmost_unread  # noqa: PLC0415

    opened = _open(project)
    fields = opened.usage(_today())
    token = admin_token or value_of("GATEWAY_ADMIN_TOKEN")
    calls = None if admin is None else calls_by_version(admin, token, days)
    table = new_table("app", "operation", "field", "read by")
    for provider, uses in fields.items():
        for use in topmost_unread(uses) if unread else uses:
            table.add_row(provider, use.operation, escape(use.path), ", ".join(use.versions) or "unread")
    print_table(table)
    if calls is not None:
        _show_calls(opened, calls, days)


@app.command()
def persist(project: Folder = None) -> None:
    """Write the schema of each GraphQL API, and the operations of its clients' `.graphql` files."""
    for file, content in _open(project).graph_files(_today()).items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
        out.print(f"{file}", highlight=False, markup=False)


app.command()(diff)


def _open(project: Path | None) -> "Opened":
    from frontispiece.cli.inspect.contracts import Opened  # noqa: PLC0415 (other commands start faster without)

    return Opened.of(open_project(project))


def _today() -> date:
    return datetime.now(UTC).date()


def _show(opened: "Opened", rows: Sequence["Verified"]) -> None:
    """The matrix: a row for each version, a column for each app."""
    providers = list(dict.fromkeys(row.pact.provider for row in rows))
    table = new_table("version", "", *providers)
    for row in rows:
        outcome = _outcome(len(row.breaches), "field")
        cells = [outcome if row.pact.provider == provider else "" for provider in providers]
        entry = opened.contracts.released.find(row.pact.client, row.pact.version)
        table.add_row(str(row.pact), entry.state(_today()) if entry else "", *cells)
    print_table(table)


Services = Mapping[tuple[str, str], Sequence[str]]


def _show_services(services: Services) -> None:
    """A row for each service that apps call."""
    table = new_table("consumer", "service", "")
    for (consumer, service), faults in services.items():
        table.add_row(consumer, service, _outcome(len(faults), "fault"))
    if services:
        print_table(table)


def _outcome(faults: int, noun: str) -> str:
    broken = f"[red]broken: {faults} {noun}{'s' if faults > 1 else ''}[/]"
    return broken if faults else "[green]verified[/]"


def _broken(rows: Sequence["Verified"], services: Services) -> list[str]:
    clients = [f"{breach.provider}: {breach}" for row in rows for breach in row.breaches]
    return clients + [f"{service}: {fault}" for (_, service), faults in services.items() for fault in faults]


def _conclude(wrong: Sequence[str], fine: str) -> None:
    print_faults(wrong)
    if wrong:
        fail(f"{len(wrong)} reason{'s' if len(wrong) > 1 else ''} against a release.")
    print_done(fine)


def _show_calls(opened: "Opened", calls: Counter[str], days: int) -> None:
    """Each version's calls, also of versions that are not listed or have left the field."""
    table = new_table("version", "", f"calls in {days} days")
    states = {str(entry): entry.state(_today()) for entry in opened.contracts.released.versions}
    for version in dict.fromkeys([*states, *sorted(calls)]):
        table.add_row(escape(version), states.get(version, "unknown"), str(calls[version]))
    print_table(table)
