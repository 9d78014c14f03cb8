"""`front events`: what goes through the broker of a running project."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.markup import escape
from rich.table import Table

from frontispiece.cli.terminal import Data, Folder, data_folder, err, open_project, print_done
from frontispiece.errors import UserError
from frontispiece.terminal import new_table, out, print_table, printable

if TYPE_CHECKING:
    from frontispiece.cli.client.broker import Published
    from frontispiece.events.broker import Connection

app = typer.Typer(no_args_is_help=True, help="Shows and repairs what goes through the broker.")

COLOURS: Final = ("cyan", "green", "magenta", "yellow", "blue", "red", "bright_cyan", "bright_green")
"""The colours of services; those after the last one begin again."""

MAX_DATA: Final = 400
"""Characters of data in a line."""

NUMBER: Final = typer.Argument(
    metavar="ID...", help="As front events parked lists them.", min=1, max=2**64 - 1
)
"""The numbers of messages in a stream of the broker."""


@app.command()
def tail(
    type_: Annotated[
        str | None, typer.Option("--type", help="Only this type, or its end: payment.authorised.")
    ] = None,
    subject: Annotated[
        str | None, typer.Option(help="Only what is about the aggregate with this id.")
    ] = None,
    project: Folder = None,
    data: Data = None,
) -> None:
    """Show events and commands as they are published, until Ctrl-C."""

    async def show(connection: "Connection", prefix: str) -> None:
        from frontispiece.cli.client import broker  # noqa: PLC0415 (an extra)

        messages = await broker.subscribe(connection, prefix)
        err.print("Events from now on, until Ctrl-C:")
        colours: dict[str, str] = {}
        async for published in messages:
            if published.matches(type_, subject):
                colour = colours.setdefault(published["source"], COLOURS[len(colours) % len(COLOURS)])
                out.print(_line(published, colour), highlight=False)

    _run(project, data, show)


@app.command("parked")
def list_parked(project: Folder = None, data: Data = None) -> None:
    """List parked messages (dead letters): those that could not be handled, and why."""

    async def show(connection: "Connection", prefix: str) -> None:
        from frontispiece.cli.client.broker import read  # noqa: PLC0415 (an extra)
        from frontispiece.events.parking import parked_messages  # noqa: PLC0415 (the same)

        table = new_table("id", "parked at", "service", "message", "subject", "deliveries", "reason")
        async for parked in parked_messages(connection.streams, prefix):
            _add_row(
                table,
                parked.number,
                f"{parked.time:%Y-%m-%d %H:%M:%S}",
                parked.consumer,
                parked.subject,
                read(parked.subject, parked.body)["subject"],
                parked.deliveries,
                parked.reason,
            )
        _print(table, "No message is parked.")

    _run(project, data, show)


@app.command()
def replay(
    numbers: Annotated[list[int] | None, NUMBER] = None,
    project: Folder = None,
    data: Data = None,
    *,
    all_: Annotated[bool, typer.Option("--all", help="Every parked message.")] = False,
) -> None:
    """Redeliver parked messages, each to the service that could not handle it."""
    if bool(numbers) == all_:
        raise UserError("Name parked messages by their ids, or all of them by --all.")

    async def act(connection: "Connection", prefix: str) -> None:
        from frontispiece.events import parking  # noqa: PLC0415 (an extra)

        parked_now = parking.parked_messages(connection.streams, prefix)
        for number in numbers or [parked.number async for parked in parked_now]:
            parked = await parking.replay(connection.streams, prefix, number)
            print_done(f"{number}: {parked.subject} is delivered to {parked.consumer} again")

    _run(project, data, act)


@app.command()
def drop(numbers: Annotated[list[int], NUMBER], project: Folder = None, data: Data = None) -> None:
    """Remove parked messages for good."""

    async def act(connection: "Connection", prefix: str) -> None:
        from frontispiece.events import parking  # noqa: PLC0415 (an extra)

        for number in numbers:
            parked = await parking.drop(connection.streams, prefix, number)
            print_done(f"{number}: {parked.subject} for {parked.consumer} is removed")

    _run(project, data, act)


@app.command()
def lag(project: Folder = None, data: Data = None) -> None:
    """Show how many messages each service has still to handle."""

    async def show(connection: "Connection", prefix: str) -> None:
        from frontispiece.cli.client.broker import consumers  # noqa: PLC0415 (an extra)

        table = new_table("service", "stream", "pending", "unacknowledged", "redelivered")
        async for each in consumers(connection.streams, prefix):
            counts = each.num_pending, each.num_ack_pending, each.num_redelivered
            _add_row(table, each.name, each.stream_name, *(count or 0 for count in counts))
        _print(table, "No service consumes anything.")

    _run(project, data, show)


Work = Callable[["Connection", str], Awaitable[None]]


def _run(project: Path | None, data: Path | None, work: Work) -> None:
    """Work with the broker of a project; ends the command when there is none, or it fails."""
    opened = open_project(project)
    try:
        from frontispiece.cli.client.broker import find_broker, open_broker  # noqa: PLC0415 (an extra)

        async def run() -> None:
            url, prefix = find_broker(opened, data_folder(opened, data))
            async with open_broker(url) as connection:
                await work(connection, prefix)

        asyncio.run(run())
    except KeyboardInterrupt:
        raise typer.Exit from None


def _line(published: "Published", colour: str) -> str:
    """A message in one line."""
    name = published["type"] or published.broker_subject
    about = f"{published['time'][11:23]:12} {published['source']:14} {name}"
    rest = f"{published['subject']} {published.content[:MAX_DATA]}"
    return f"[{colour}]{escape(printable(about))}[/] {escape(printable(rest))}"


def _print(table: Table, when_empty: str) -> None:
    if table.row_count:
        print_table(table)
    else:
        out.print(when_empty)


def _add_row(table: Table, *cells: object) -> None:
    table.add_row(*(escape(printable(str(cell))) for cell in cells))
