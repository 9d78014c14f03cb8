"""`front pickup …`: the shards of stores, drawn and filled."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer

from frontispiece.errors import UserError
from frontispiece.http import Problem
from frontispiece.shards import name_away
from frontispiece.terminal import new_table, out, print_table, write_text
from shop.terminal import asynchronous

if TYPE_CHECKING:
    from services.pickup.maintenance import Maintenance

app = typer.Typer(no_args_is_help=True, help="The stores near customers, and the shards that have them.")
seeds = typer.Typer(no_args_is_help=True, help="Generate data that is too large for every start.")

CHUNK: Final = 5_000
SAMPLE: Final = 100
"""Before all stores are made, one in so many shows how they will be distributed."""

RETRY_S: Final = 10.0
"""Seconds for which a command is tried again while a service moves units."""

Result = TypeVar("Result")


@seeds.callback()
def seed() -> None:
    """Generate data that is too large for every start."""


@seeds.command()
@asynchronous
async def pickup(
    stores: Annotated[int, typer.Option(help="How many there are to be.", min=1, max=10_000_000)] = 1_000_000,
) -> None:
    """Generate stores, always the same; those that are there stay as they are."""
    out.print(f"{await generated(stores)} stores are new, of {stores}.")


@app.command()
@asynchronous
async def shards() -> None:
    """Show the cells, stores and load of each shard.

    A shard that is away is named, and the exit code is 1.
    """
    table = new_table("shard", "cells", "stores", "reads", "load")
    away = {}
    async with _open() as maintenance:
        for name, shard in maintenance.shards.shards.items():
            try:
                units = await shard.claims()
                stores = sum([await shard.count(unit) for unit in units])
            except Problem as problem:
                away[name] = problem
                table.add_row(name, "away")
                continue
            reads = sum(unit.reads for unit in units)
            table.add_row(name, *map(str, (len(units), stores, reads, stores + reads)))
    print_table(table)
    name_away(away)


@app.command()
@asynchronous
async def balance() -> None:
    """Split hot cells and pack all into the shards by load, as the service does on its own."""
    async with _open() as maintenance:
        moved = await _retried(maintenance, maintenance.balance)
    out.print(f"{moved} cells have another shard now.")


@app.command("map")
@asynchronous
async def map_(
    file: Annotated[Path, typer.Option("--svg", help="The file to draw into.", dir_okay=False)] = Path(
        "pickup.svg"
    ),
) -> None:
    """Draw the world with the shard of every cell."""
    from services.pickup.drawing import svg  # noqa: PLC0415 (other commands start faster without)

    async with _open() as maintenance:
        units = await _retried(maintenance, maintenance.units)
    write_text(file, svg(units, list(maintenance.shards.shards)))
    out.print(f"{file}: {len(units)} cells with {sum(unit.stores for unit in units)} stores")


async def generated(number: int) -> int:
    """Generate so many stores; returns how many were not there before."""
    from services.pickup.cells import cell_of  # noqa: PLC0415 (other commands start faster without)
    from services.pickup.maintenance import Maintenance  # noqa: PLC0415
    from services.pickup.seed import stores  # noqa: PLC0415

    sample = sorted(
        cell_of(each.latitude, each.longitude) for each in islice(stores(number), 0, None, SAMPLE)
    )
    async with _open(creates=True) as maintenance:
        missing = number - sum(unit.stores for unit in await _retried(maintenance, maintenance.units))
        if missing <= 0:
            return 0
        # large units first: few move, without rows
        for each in (Maintenance(maintenance.shards, number), maintenance):
            await _retried(maintenance, partial(each.balance, sample, weight=SAMPLE))
        all_stores, added = stores(number), 0
        while chunk := list(islice(all_stores, CHUNK)):
            added += await maintenance.shards.add(chunk)
        await _retried(maintenance, maintenance.balance)
    return added


@asynccontextmanager
async def _open(*, creates: bool = False) -> "AsyncIterator[Maintenance]":
    from frontispiece.stores import expect_files  # noqa: PLC0415
    from services.pickup.maintenance import Maintenance  # noqa: PLC0415 (other commands start faster without)
    from services.pickup.settings import ShardSettings  # noqa: PLC0415
    from services.pickup.shards import Shards  # noqa: PLC0415

    urls = ShardSettings().urls
    if not creates:
        expect_files(urls.values())
    async with AsyncExitStack() as stack:
        try:
            all_shards = await stack.enter_async_context(Shards(urls))
        except OSError as error:  # a folder that cannot be made
            raise UserError(str(error)) from None
        yield Maintenance(all_shards)


async def _retried(maintenance: "Maintenance", work: Callable[[], Awaitable[Result]]) -> Result:
    """The result of some work, which is repeated while a service moves what it concerns."""
    return await maintenance.shards.with_map(lambda _: work(), RETRY_S)
