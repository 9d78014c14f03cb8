"""`front shards`: the commands of a project whose `frontispiece.toml` names them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table

from frontispiece.errors import ConfigError, UserError
from frontispiece.http.problems import Problem
from frontispiece.shards.map import ShardMap, format_buckets, parse_buckets

if TYPE_CHECKING:
    from frontispiece.shards.movable import Movable
    from frontispiece.shards.move import Move
    from frontispiece.shards.mover import Mover

LOAD_INTERVAL: Final = 1.0
"""Seconds for which new rows are counted."""

out = Console(soft_wrap=True, highlight=False)

OpenShards = Callable[[], AbstractAsyncContextManager["Movable"]]
Throttle = Annotated[
    int | None, typer.Option(help="Rows a second at most, until the hand-over; without a limit.", min=1)
]
Follow = Annotated[
    bool, typer.Option("--follow/--no-follow", help="Whether to go on, and copy back what changes.")
]


def shard_commands(opened: OpenShards) -> typer.Typer:
    """The commands over a service's shards.

    Example:
        app = shard_commands(opened)  # and in frontispiece.toml, under [commands]: shards = "things.cli:app"

    Args:
        opened: opens the shards.
    """
    commands = _Commands(opened)
    app = typer.Typer(help="The shards of data, and moves of buckets between them.")
    app.callback(invoke_without_command=True)(commands.show)
    for command in (commands.move, commands.resume, commands.complete, commands.back):
        app.command()(command)
    return app


class _Commands:
    def __init__(self, opened: OpenShards) -> None:
        self._opened = opened

    def show(self, ctx: typer.Context) -> None:
        """Show which shard has which buckets, how many rows, and how many new ones a second.

        A shard that is away is named, and the exit code is 1.
        """
        if ctx.invoked_subcommand is None:
            _run(lambda: _show(self._opened))

    def move(
        self,
        buckets: Annotated[str, typer.Argument(metavar="BUCKETS", help="Such as 0-199,512.")],
        to: Annotated[str, typer.Option(metavar="SHARD", help="Where they go.")],
        *,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would move.")] = False,
        throttle: Throttle = None,
        follow: Follow = True,
    ) -> None:
        """Move buckets to a shard while all serve; whatever ends this command, `resume` goes on with it."""
        from frontispiece.shards.claims import read_claims  # noqa: PLC0415 (the help shows faster without)

        try:
            numbers = parse_buckets(buckets)
        except ValueError as error:
            raise UserError(str(error)) from None

        async def begin(mover: "Mover", movable: "Movable") -> None:
            _, away = await read_claims(movable.databases, movable.fence)
            name_away(away)  # a move that has begun can neither go on nor back without them
            planned = await mover.plan(numbers, to)
            await _print_plan(planned, movable)
            if not dry_run:
                await mover.begin(planned)
                await _go_on(mover, follow=follow)

        self._with_mover(begin, throttle)

    def resume(self, *, throttle: Throttle = None, follow: Follow = True) -> None:
        """Go on with a move whose command has ended."""

        async def go_on(mover: "Mover", _movable: "Movable") -> None:
            await _load(mover)
            await _go_on(mover, follow=follow)

        self._with_mover(go_on, throttle)

    def complete(self) -> None:
        """Delete the moved rows where they were: there is no way back then."""

        async def end(mover: "Mover", _movable: "Movable") -> None:
            await _load(mover)
            await mover.complete()
            await _go_on(mover)

        self._with_mover(end)

    def back(self, *, throttle: Throttle = None) -> None:
        """Move the buckets of a move back, with all that has changed meanwhile."""

        async def turn(mover: "Mover", _movable: "Movable") -> None:
            await _load(mover)
            await mover.turn_back()
            await _go_on(mover)

        self._with_mover(turn, throttle)

    def _with_mover(
        self, work: Callable[["Mover", "Movable"], Awaitable[None]], throttle: int | None = None
    ) -> None:
        async def run() -> None:
            async with self._opened() as movable, _mover(movable, throttle) as mover:
                await work(mover, movable)

        _run(run)


def _run(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    from frontispiece.events import BrokerUnavailable  # noqa: PLC0415 (the help shows faster without)
    from frontispiece.shards.fence import NotHandedOver  # noqa: PLC0415 (the same)

    try:
        asyncio.run(work())
    except (Problem, NotHandedOver) as error:
        raise UserError(str(error)) from None
    except BrokerUnavailable as error:
        remedy = "A move goes on with front shards resume."
        raise UserError(f"The broker cannot be reached: {error}. {remedy}") from None


def name_away(away: Mapping[str, object]) -> None:
    """Raise a `UserError` that names the shards that are away, with the reason of each, unless none is."""
    if away:
        raise UserError("\n".join(f"Shard {name} is away: {reason}" for name, reason in away.items()))


@asynccontextmanager
async def _mover(movable: "Movable", throttle: int | None = None) -> AsyncIterator["Mover"]:
    from frontispiece.events import EventSettings, open_key_value  # noqa: PLC0415 (the same)
    from frontispiece.shards.mover import Mover  # noqa: PLC0415 (the same)
    from frontispiece.shards.router import BUCKET  # noqa: PLC0415 (the same)

    def report(text: str) -> None:
        out.print(text, markup=False)

    async with open_key_value(EventSettings(), BUCKET, client="front") as kv:
        yield Mover(movable, kv, throttle=throttle, report=report)


async def _load(mover: "Mover") -> None:
    if await mover.load() is None:
        raise UserError("No move is under way.")


async def _go_on(mover: "Mover", *, follow: bool = False) -> None:
    await mover.run()
    if await mover.load() is None:
        return
    out.print(
        "The buckets have moved. front shards complete deletes them where they were; until then "
        "front shards back takes them back."
    )
    if follow:
        out.print("What changes is copied back until then; Ctrl-C ends the copying alone.")
        await mover.follow()


async def _print_plan(planned: "Move", movable: "Movable") -> None:
    counted = dict.fromkeys((log.table.name for log in movable.logs), 0)
    for group in planned.groups:
        for name, by_bucket in (await _count(movable, group.source, group.numbers)).items():
            counted[name] += sum(by_bucket.values())
    rows = ", ".join(f"{count} rows of {name}" for name, count in counted.items())
    out.print(f"Buckets {planned.description}: {rows}.", markup=False)


async def _count(movable: "Movable", shard: str, buckets: list[int]) -> dict[str, dict[int, int]]:
    from frontispiece.shards import copying  # noqa: PLC0415 (the same)
    from frontispiece.shards.fence import now  # noqa: PLC0415 (the same)

    async with movable.databases[shard].read() as tx:
        return {log.table.name: await copying.count(tx, log, buckets, now()) for log in movable.logs}


async def _show(opened: OpenShards) -> None:
    from frontispiece.shards.claims import lost_buckets, newest_map, read_claims  # noqa: PLC0415 (the same)

    async with opened() as movable:
        claims, away = await read_claims(movable.databases, movable.fence)
        if not any(claims.values()) and not away:
            raise UserError(
                f"The shards have no buckets yet: {movable.service} deals them when it first runs."
            )
        known = newest_map(claims.values(), ShardMap.even(movable.databases))
        await _print_shards(movable, known, list(claims))
        await _print_under_way(movable, list(claims))
        every = [await lost_buckets(name, movable.databases[name], movable.fence, claims) for name in claims]
        if lost := "\n".join(filter(None, every)):
            raise UserError(lost)
        name_away(away)


async def _print_under_way(movable: "Movable", there: Collection[str]) -> None:
    from frontispiece.events import BrokerUnavailable  # noqa: PLC0415 (the same)

    try:
        async with _mover(movable) as mover:
            under_way = await mover.load()
    except (BrokerUnavailable, ConfigError):  # the latter where no project runs
        out.print("The broker is away: whether a move is under way is not known.")
        return
    if under_way is not None:
        _print_move(under_way)
    else:
        await _print_copies(movable, there)


async def _print_shards(movable: "Movable", known: ShardMap, there: Collection[str]) -> None:
    main = movable.logs[0].table.name
    rows = {name: await _count(movable, name, sorted(known.buckets_of(name))) for name in there}
    await asyncio.sleep(LOAD_INTERVAL)
    later = {name: await _count(movable, name, sorted(known.buckets_of(name))) for name in there}
    table = Table(title=f"{movable.service}, epoch {known.epoch}")
    for heading in ("shard", "buckets", "which", f"rows of {main}", "new a second"):
        table.add_column(heading, overflow="fold")
    for name in movable.databases:
        buckets = known.buckets_of(name)
        shown = ("away", "")
        if name in there:
            count, then = (sum(each[name][main].values()) for each in (rows, later))
            shown = (str(then), f"{(then - count) / LOAD_INTERVAL:.0f}")
        table.add_row(name, str(len(buckets)), format_buckets(buckets), *shown)
    out.print(table)


async def _print_copies(movable: "Movable", there: Collection[str]) -> None:
    """Name what a move has left that the broker does not know any more."""
    from frontispiece.shards import copying  # noqa: PLC0415 (the same)

    for name in there:
        async with movable.databases[name].read() as tx:
            copied = await copying.copied_buckets(tx, movable.fence)
        if copied:
            buckets = format_buckets(copied)
            out.print(
                f"No move is under way, but shard {name} has copies of buckets {buckets}: "
                f"front shards move {buckets} --to {name} --no-follow and front shards back delete them."
            )


def _print_move(under_way: "Move") -> None:
    steps = [group.step for group in under_way.groups]
    counts = ", ".join(f"{steps.count(step)} at {step}" for step in dict.fromkeys(steps))
    out.print(f"A move is under way: {under_way.description}; of {len(steps)} groups {counts}.", markup=False)
