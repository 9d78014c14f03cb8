"""`front shards`, as an operator uses it."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from frontispiece.errors import UserError
from frontispiece.events import EventSettings, KeyValue, open_key_value
from frontispiece.shards import Movable, ShardMap, ShardSet, open_router, shard_commands
from frontispiece.shards.router import BUCKET, publish
from frontispiece.stores import Database
from tests.frontispiece.shards.conftest import World, fence, metadata
from tests.support.absence import file_away
from tests.support.waiting import until


class Operator:
    """Somebody at a terminal, and the shards of things."""

    def __init__(self, folder: Path, events: EventSettings) -> None:
        self._folder = folder
        self.events = events
        self._app: typer.Typer = shard_commands(self.movable)

    @asynccontextmanager
    async def world(self) -> AsyncIterator[World]:
        databases = {name: Database(f"sqlite:///{self._folder}/{name}.db", metadata) for name in "01"}
        async with ShardSet("things", databases):
            yield World(databases, await open_router(databases, fence, ShardMap.even(databases)))

    @asynccontextmanager
    async def movable(self) -> AsyncIterator[Movable]:
        async with self.world() as world:
            yield world.movable

    def use(self, work: Callable[[World, KeyValue], Coroutine[Any, Any, None]]) -> None:
        """Do what the service does."""

        async def used() -> None:
            async with self.world() as world, open_key_value(self.events, BUCKET) as kv:
                await publish(kv, "things", world.router.map)
                await work(world, kv)

        asyncio.run(used())

    def run(self, *arguments: str, status: int = 0) -> str:
        environment = {
            "EVENTS_URL": self.events.url,
            "EVENTS_PREFIX": self.events.prefix,
            "COLUMNS": "200",
        }
        result = CliRunner().invoke(self._app, arguments, env=environment)
        output = f"{result.output}{result.exception if isinstance(result.exception, UserError) else ''}"
        assert result.exit_code == status, output
        return output


@pytest.fixture
def operator(tmp_path: Path, event_settings: EventSettings) -> Operator:
    return Operator(tmp_path, event_settings)


async def add_things(world: World, _kv: KeyValue) -> None:
    for bucket in range(40):
        await world.add(f"{bucket}", bucket)


def rows_of(table: str) -> list[list[str]]:
    """The cells of a printed table."""
    return [[cell.strip() for cell in line.split("│")[1:-1]] for line in table.splitlines() if "│" in line]


def test_an_operator_moves_buckets_looks_and_takes_them_back_or_leaves_them(operator: Operator) -> None:
    operator.use(add_things)

    assert rows_of(operator.run()) == [
        ["0", "512", "0-511", "40", "0"],
        ["1", "512", "512-1023", "0", "0"],
    ]
    assert operator.run("move", "0-19", "--to", "1", "--dry-run") == (
        "Buckets 0-19 from 0 to 1: 20 rows of things.\n"
    )
    assert "0-15: shard 1 serves" in operator.run("move", "0-19", "--to", "1", "--no-follow")
    shown = operator.run()
    assert rows_of(shown)[1] == ["1", "532", "0-19,512-1023", "20", "0"]
    assert "A move is under way: 0-19 from 0 to 1; of 2 groups 2 at follow." in shown
    assert "Another move is under way" in operator.run("move", "30", "--to", "1", status=1)

    assert "0-15: shard 0 serves" in operator.run("back")
    assert rows_of(operator.run())[0] == ["0", "512", "0-511", "40", "0"]

    operator.run("move", "0", "--to", "1", "--no-follow", "--throttle", "1000")
    assert "0: nothing is left at shard 0" in operator.run("complete")
    assert "No move is under way." in operator.run("resume", status=1)


def test_copies_of_a_move_that_the_broker_has_lost_are_named_and_can_be_deleted(operator: Operator) -> None:
    async def lose_move(_world: World, kv: KeyValue) -> None:
        await kv.delete("things.move")

    operator.use(add_things)
    operator.run("move", "0-2", "--to", "1", "--no-follow")
    operator.use(lose_move)

    assert "No move is under way, but shard 0 has copies of buckets 0-2: front shards move" in operator.run()
    operator.run("move", "0-2", "--to", "0", "--no-follow")
    operator.run("back")
    shown = operator.run()
    assert (rows_of(shown)[1][2], "copies" in shown) == ("0-2,512-1023", False)


def test_a_shard_that_is_away_is_named_and_the_others_are_shown(operator: Operator, tmp_path: Path) -> None:
    operator.use(add_things)
    with file_away(f"sqlite:///{tmp_path}/1.db"):
        shown = operator.run(status=1)
        assert "Shard 1 is away" in operator.run("move", "0", "--to", "1", status=1)

    assert "under way" not in operator.run()
    assert rows_of(shown) == [["0", "512", "0-511", "40", "0"], ["1", "512", "512-1023", "away", ""]]
    assert "Shard 1 is away: The database is unavailable." in shown


def test_buckets_that_no_shard_has_since_one_is_an_older_copy_are_named_and_opened_by_hand(
    operator: Operator, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    operator.use(add_things)
    shutil.copy(tmp_path / "1.db", tmp_path / "copy.db")
    operator.run("move", "3", "--to", "1", "--no-follow")
    shutil.copy(tmp_path / "copy.db", tmp_path / "1.db")
    lost = "Nobody has buckets 3: shard 1 is as it was before it received them."

    async def serve(world: World, _kv: KeyValue) -> None:
        async with world.router.following(operator.events, "things"):
            await until(lambda: lost in caplog.text)
            async with world.databases["0"].write() as tx:  # as docs/shards.md says
                await tx.exec_driver_sql(
                    "UPDATE buckets SET state = 'open', peer = NULL, epoch = 3 WHERE bucket IN (3)"
                )
            await until(lambda: world.router.map == replace(ShardMap.even("01"), epoch=3))
            await world.add("again", 3)

    assert lost in operator.run(status=1)
    operator.use(serve)
    operator.run("complete")
    assert rows_of(operator.run())[0] == ["0", "512", "0-511", "41", "0"]
    assert "No move is under way." in operator.run("resume", status=1)
    assert caplog.text.count(lost) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("move", "1024", "--to", "1"), "'1024' is neither a bucket, from 0 to 1023, nor a range"),
        (("move", "0", "--to", "7"), "there is no shard 7, but 0, 1"),
    ],
)
def test_what_cannot_be_moved_is_named(operator: Operator, arguments: tuple[str, ...], said: str) -> None:
    operator.use(add_things)

    assert said in operator.run(*arguments, status=1)
