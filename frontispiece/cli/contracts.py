"""`front contracts`: what released clients rely on, and whether the project's apps keep it."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from frontispiece.cli.terminal import Folder, open_project, print_done, print_faults
from frontispiece.errors import UserError
from frontispiece.settings import value_of
from frontispiece.terminal import new_table, out, print_table

if TYPE_CHECKING:
    from frontispiece.cli.inspect.contracts import Conflicts, ProjectContracts
    from frontispiece.contracts import Verified
    from frontispiece.contracts.openapi import Finding

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
    wrong = opened.disagreements()
    rows, services = _verified(opened)
    _show(opened, rows, services)
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
    wrong = opened.disagreements()
    for change in opened.changes(base) if base is not None else ():
        if change.is_breach:
            wrong.append(change.text)
        else:
            out.print(f"[blue]i[/] {escape(change.text)}", highlight=False)
    rows, services = _verified(opened)
    if broker:
        from frontispiece.contracts.broker import publish  # noqa: PLC0415 (other commands start faster without)

        for line in publish(broker, broker_token, rows, opened.revision()):
            out.print(f"published: {line}", highlight=False, markup=False)
    _show(opened, rows, services)
    _conclude([*wrong, *_broken(rows, services)], "These apps may be released.")


@app.command()
def usage(
    project: Folder = None,
    admin: Annotated[
        str | None,
        typer.Option(help="host:port or URL of the gateway's admin port: show calls, too."),
    ] = None,
    admin_token: Annotated[str, typer.Option(help="Its token.", envvar="GATEWAY_ADMIN_TOKEN")] = "",
    days: Annotated[int, typer.Option(help="Count the calls of this many days.", min=1)] = 30,
    *,
    unread: Annotated[bool, typer.Option("--unread", help="Only fields that no version reads.")] = False,
) -> None:
    """Show which versions in the field read each field, so that an unread one can go."""
    from frontispiece.cli.client.admin import request  # noqa: PLC0415 (other commands start faster without)
    from frontispiece.contracts.usage import topmost_unread  # noqa: PLC0415

    opened = _open(project)
    fields = opened.usage()
    token = admin_token or value_of("GATEWAY_ADMIN_TOKEN")
    calls: Counter[str] = Counter()
    for each in request("GET", admin, token, f"/client-usage?days={days}") if admin else ():
        calls[f"{each['client']} {each['version']}"] += each["calls"]
    table = new_table("app", "operation", "field", "read by")
    for provider, uses in fields.items():
        for use in topmost_unread(uses) if unread else uses:
            table.add_row(provider, use.operation, escape(use.path), ", ".join(use.versions) or "unread")
    print_table(table)
    if admin:
        _show_calls(opened, calls, days)


@app.command()
def persist(project: Folder = None) -> None:
    """Write the schema of each GraphQL API, and the operations of its clients' `.graphql` files."""
    for file, content in _open(project).graph_files().items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
        out.print(f"{file}", highlight=False, markup=False)


@app.command()
def diff(
    revision: Annotated[str, typer.Argument(metavar="REV", help="What to compare with: a revision of git.")],
    project: Folder = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Show compatible changes, too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print every change as JSON.")] = False,
) -> None:
    """Compare openapi/*.json with a revision; exit with 1 when a change breaks what is read.

    A break that no version in the field reads is a warning. What cannot be read or compared is an error.
    """
    from frontispiece.contracts import Revision  # noqa: PLC0415 (other commands start faster without)
    from frontispiece.contracts.openapi import diff as compare  # noqa: PLC0415

    opened = _open(project)
    found = compare(Revision(opened.tree.folder, revision), opened.tree, opened.today)
    severities = Counter(str(each.severity) for each in found)
    if as_json:
        out.print_json(json.dumps([each.document() for each in found]))
    else:
        _show_findings([each for each in found if everything or each.severity != "info"])
    counted = ", ".join(f"{words}: {severities[name]}" for name, words in _SEVERITIES.items())
    if severities["error"]:
        raise UserError(f"Since {revision}, something breaks that is read ({counted}).")
    if not as_json:
        print_done(f"Since {revision}, nothing breaks that is read ({counted}).")


def _open(project: Path | None) -> "ProjectContracts":
    from frontispiece.cli.inspect.contracts import ProjectContracts  # noqa: PLC0415 (other commands start faster without)

    return ProjectContracts.of(open_project(project))


def _verified(opened: "ProjectContracts") -> "tuple[list[Verified], Conflicts]":
    """The verified contracts of clients, and the conflicts of apps with services."""
    services = opened.conflicts()
    return asyncio.run(opened.matrix()), services


def _show(opened: "ProjectContracts", rows: Sequence["Verified"], services: "Conflicts") -> None:
    """The matrix, a row for each version and a column for each app; and a row for each service."""
    providers = list(dict.fromkeys(row.pact.provider for row in rows))
    table = new_table("version", "", *providers)
    for row in rows:
        outcome = _outcome(row.breaches)
        cells = [outcome if row.pact.provider == provider else "" for provider in providers]
        entry = opened.contracts.released.find(row.pact.client, row.pact.version)
        table.add_row(str(row.pact), entry.state(opened.today) if entry else "", *cells)
    print_table(table)
    of_services = new_table("consumer", "service", "")
    for (consumer, service), faults in services.items():
        of_services.add_row(consumer, service, _outcome(faults))
    if services:
        print_table(of_services)


def _outcome(faults: Sequence[object] | None) -> str:
    if faults is None:
        return "not compared"
    broken = f"[red]broken: {len(faults)} fault{'s' if len(faults) > 1 else ''}[/]"
    return broken if faults else "[green]verified[/]"


def _broken(rows: Sequence["Verified"], services: "Conflicts") -> list[str]:
    clients = [f"{breach.provider}: {breach}" for row in rows for breach in row.breaches]
    return clients + [
        f"{service}: {fault}" for (_, service), faults in services.items() for fault in faults or ()
    ]


def _conclude(wrong: Sequence[str], fine: str) -> None:
    print_faults(wrong)
    if wrong:
        raise UserError(f"{len(wrong)} reason{'s' if len(wrong) > 1 else ''} against a release.")
    print_done(fine)


def _show_calls(opened: "ProjectContracts", calls: Counter[str], days: int) -> None:
    """Each version's calls, also of versions that are not listed or have left the field."""
    table = new_table("version", "", f"calls in {days} days")
    states = {str(entry): entry.state(opened.today) for entry in opened.contracts.released.versions}
    for version in dict.fromkeys([*states, *sorted(calls)]):
        table.add_row(escape(version), states.get(version, "unknown"), str(calls[version]))
    print_table(table)


_COLOURS = {"error": "red", "warning": "yellow", "info": "blue"}
_SEVERITIES = {"error": "errors", "warning": "warnings", "info": "compatible"}


def _show_findings(findings: "Sequence[Finding]") -> None:
    if not findings:
        return
    table = new_table("", "app", "operation", "where", "change", "why", "read by")
    for finding in findings:
        table.add_row(*_finding_cells(finding))
    print_table(table)


def _finding_cells(finding: "Finding") -> Iterator[str]:
    change = finding.change
    yield f"[{_COLOURS[finding.severity]}]{finding.severity}[/]"
    yield finding.app
    yield change.operation
    yield escape(" ".join(filter(None, (change.part, change.place, change.pointer))))
    yield escape(f"{change.kind}: {change.detail}" if change.detail else change.kind)
    yield escape(change.reason)
    is_unread = change.verdict == "break" and not finding.readers
    yield "nobody in the field" if is_unread else escape("\n".join(finding.readers))
