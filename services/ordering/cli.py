"""`front orders …`: what an operator asks of orders, and does for them."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Final

import typer

from frontispiece.errors import UserError
from frontispiece.shards import name_away, shard_commands
from frontispiece.terminal import add_row, new_table, out, print_table, printable
from services.ordering.reachable import reachable
from shop.terminal import asynchronous

if TYPE_CHECKING:
    from frontispiece.shards import Movable
    from services.ordering.rebuild import Progress
    from services.ordering.shard import Shard

app = typer.Typer(
    no_args_is_help=True, help="The history of orders, those that are stuck, and the read model."
)


@asynccontextmanager
async def _movable() -> AsyncIterator["Movable"]:
    from services.ordering.movable import open_movable  # noqa: PLC0415 (the help shows faster without)

    async with open_movable() as movable:
        yield movable


shards_app = shard_commands(_movable)


def _utf_8(argument: str | None) -> str | None:
    """An argument that a database can look for."""
    try:
        (argument or "").encode()
    except UnicodeEncodeError:
        raise typer.BadParameter("It is no UTF-8") from None
    return argument


OrderId = Annotated[str, typer.Argument(metavar="ID", help="The order's id.", callback=_utf_8)]


@app.command("list")
@asynchronous
async def newest(
    owner: Annotated[
        str | None, typer.Option(help="The id of a customer; everybody when left out.", callback=_utf_8)
    ] = None,
    limit: Annotated[int, typer.Option(help="How many.", min=1, max=10_000)] = 20,
) -> None:
    """List the newest orders."""
    async with reachable() as (shards, away):
        newest = [
            await each.read_store.orders(limit, owner=owner, buckets=await each.buckets()) for each in shards
        ]
    found = sorted(chain.from_iterable(newest), key=lambda order: (order.placed_at, order.id))
    shown = new_table("order", "owner", "placed at", "stage", "reason", "pieces", "total")
    for order in found[: -limit - 1 : -1]:
        placed_at = order.placed_at.isoformat(timespec="seconds")
        total = f"{order.total / 100:.2f} {order.currency}"
        add_row(
            shown,
            order.id,
            order.owner,
            placed_at,
            order.stage,
            order.reason or "",
            str(order.pieces),
            total,
        )
    print_table(shown)
    name_away(away)


@app.command()
@asynchronous
async def history(order_id: OrderId) -> None:
    """Show all that has happened to an order."""
    from services.ordering.domain_events import encode  # noqa: PLC0415
    from services.ordering.tables import event_store  # noqa: PLC0415

    async with reachable() as (shards, away):
        shard = await _shard_of(order_id, shards, away)
        async with shard.database.read() as tx:
            events = await event_store.history(tx, order_id)
    for recorded in events:  # no table: the particulars of an order fit no column
        at = recorded.recorded_at.isoformat(timespec="milliseconds")
        particulars = (
            f"{name}={value}" for name, value in encode(recorded.event).items() if name not in SECRET
        )
        line = f"{recorded.version:>3}  {at}  {recorded.event.NAME:<20}  {', '.join(particulars)}"
        out.print(printable(line.rstrip()), markup=False)


@app.command()
@asynchronous
async def stuck() -> None:
    """List the orders that wait for a person, and why."""
    async with reachable() as (shards, away):
        found = [await each.read_store.stuck(await each.buckets()) for each in shards]
    views = sorted(chain.from_iterable(found), key=lambda view: view.placed_at)
    if not views:
        name_away(away)
        out.print("No order is stuck.")
        return
    shown = new_table("order", "owner", "placed at", "stage", "stuck at")
    for view in views:
        reasons = "; ".join(f"{step}: {why}" for step, why in view.stuck.items())
        placed_at = view.placed_at.isoformat(timespec="seconds")
        add_row(shown, view.id, view.owner, placed_at, view.stage, reasons)
    print_table(shown)
    out.print(
        "front orders history ID shows how it came about; front orders retry ID sends the commands again."
    )
    name_away(away)


@app.command()
@asynchronous
async def retry(order_id: OrderId) -> None:
    """Send the commands of an order's stuck steps again, once the reason is removed."""
    from frontispiece.shards import StaleMap  # noqa: PLC0415
    from services.ordering.order import Retry  # noqa: PLC0415

    async with reachable() as (shards, away):
        shard = await _shard_of(order_id, shards, away)
        before = await shard.orders.find(order_id)
        assert before is not None
        try:
            written = await shard.orders.execute(order_id, Retry())
        except StaleMap:
            raise UserError(f"Order {order_id} is just moving to another database: try again.") from None
    if written.version == before.version:
        raise UserError(f"Order {order_id} is not stuck.")
    steps = ", ".join(sorted(before.order.stuck))
    out.print(f"The commands of order {order_id} are sent again: {steps}.")


@app.command()
@asynchronous
async def totals(
    days: Annotated[int, typer.Option(help="How many days, with today (UTC).", min=1, max=3660)] = 7,
) -> None:
    """Show how many orders came to each stage a day, and the revenue of the completed ones."""
    from services.ordering.read_tables import COUNTED  # noqa: PLC0415

    since = (datetime.now(UTC) - timedelta(days=days - 1)).date().isoformat()
    found: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    async with reachable() as (shards, away):
        for shard in shards:
            for total in await shard.read_store.totals(since, await shard.buckets()):
                found[total.day, total.currency] += Counter({name: getattr(total, name) for name in COUNTED})
    shown = new_table("day", *COUNTED)
    for (day, currency), counts in sorted(found.items(), key=lambda each: each[0][1]):
        *numbers, revenue = (counts[name] for name in COUNTED)
        shown.add_row(day, *map(str, numbers), f"{revenue / 100:.2f} {currency}")
    print_table(shown)
    name_away(away)


@app.command()
@asynchronous
async def rebuild(
    *,
    accept_differences: Annotated[
        bool,
        typer.Option(
            "--accept-differences", help="Replace the live tables though the new ones are not equal to them."
        ),
    ] = False,
) -> None:
    """Rebuild the read model from the log, prove it equal and switch to it, while the old one serves.

    A rebuild that was killed is resumed.
    """
    from services.ordering.rebuild import Rebuild, TablesDiffer  # noqa: PLC0415
    from services.ordering.rebuild_lock import RebuildRunning  # noqa: PLC0415
    from services.ordering.tables import event_store  # noqa: PLC0415

    def report(progress: "Progress") -> None:
        out.print(f"{progress.position} events", end="\r" if out.is_terminal else "\n")

    loop = asyncio.get_running_loop()
    async with reachable() as (shards, away):
        for shard in shards:
            started = loop.time()
            rebuild = Rebuild(shard.database, event_store, shard.read_store)
            try:
                done = await rebuild.run(report, accept_differences=accept_differences)
            except (RebuildRunning, TablesDiffer) as error:
                raise UserError(f"Shard {shard.name}: {error}") from None
            seconds = loop.time() - started
            events = done.position - done.began
            resumed = f" after the first {done.began} of a rebuild that had ended" if done.began else ""
            out.print(
                f"The read model of shard {shard.name} is rebuilt from {events} events{resumed}"
                f" in {seconds:.1f} s ({events / seconds:.0f} a second) and live."
            )
    name_away(away)


async def _shard_of(order_id: str, shards: list["Shard"], away: Mapping[str, str]) -> "Shard":
    """The shard that has an order; while its bucket moves, another has a copy."""
    from frontispiece.shards import bucket_for  # noqa: PLC0415

    for shard in shards:
        found = await shard.orders.find(order_id)
        if found is not None and bucket_for(found.order.owner) in await shard.buckets():
            return shard
    name_away(away)  # one of them may have it
    raise UserError(f"There is no order {order_id}.")


SECRET: Final = frozenset({"digest", "payment_token"})
"""Fields of events that no operator needs to see."""
