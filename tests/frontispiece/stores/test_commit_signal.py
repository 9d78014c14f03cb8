"""What a signal of commits promises, on SQLite and on PostgreSQL."""

import asyncio
from pathlib import Path

import pytest
import sqlalchemy as sa

from frontispiece.stores import CommitSignal, Database
from tests.support.postgres import Postgres

METADATA = sa.MetaData()
WORDS = sa.Table("words", METADATA, sa.Column("word", sa.String))


async def add(database: Database, signal: CommitSignal, word: str = "ink", *, refused: bool = False) -> None:
    async with database.write() as tx:
        if database.dialect == "postgresql":
            await tx.execute(sa.select(signal.notification))
        await tx.execute(WORDS.insert().values(word=word))
        signal.after_commit(tx)
        if refused:
            raise ZeroDivisionError


async def test_a_commit_wakes_those_who_wait(database_url: str) -> None:
    signal, woken = CommitSignal("words"), asyncio.Event()
    async with Database(database_url, METADATA) as database:
        await add(database, signal)  # nobody waits yet
        async with asyncio.timeout(60), signal.wakes(database, woken.set):
            await add(database, signal)
            await woken.wait()


async def test_a_rollback_another_signal_and_what_comes_after_the_block_wake_no_waiter(
    tmp_path: Path,
) -> None:
    signal, woken = CommitSignal("words"), asyncio.Event()
    async with Database(f"sqlite:///{tmp_path}/words.db", METADATA) as database:
        async with signal.wakes(database, woken.set):
            with pytest.raises(ZeroDivisionError):
                await add(database, signal, refused=True)
            await add(database, CommitSignal("others"))
        await add(database, signal)

    assert not woken.is_set()


async def test_on_postgresql_the_commits_of_other_processes_wake_too(postgres: Postgres) -> None:
    url, woken = postgres.new_database(), asyncio.Event()
    async with (
        asyncio.timeout(60),
        Database(url, METADATA) as database,
        Database(url, METADATA) as of_another_process,
        CommitSignal("words").wakes(database, woken.set),
    ):
        await woken.wait()  # it listens from now on
        for _ in range(2):
            woken.clear()
            await add(of_another_process, CommitSignal("words"))
            await woken.wait()
