"""What a database promises about its file."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from time import monotonic

import pytest
import sqlalchemy as sa

from frontispiece.errors import ConfigError
from frontispiece.http import Problem
from frontispiece.stores import Database, after_commit, sqlite
from frontispiece.stores.sqlite import BUSY_TIMEOUT_S
from tests.support.files import modes

METADATA = sa.MetaData()
WORDS = sa.Table("words", METADATA, sa.Column("word", sa.String))


async def test_a_new_sqlite_file_and_its_journals_are_its_owners_alone(
    tmp_path: Path, open_umask: None
) -> None:
    async with Database(f"sqlite:///{tmp_path}/deep/words.db", METADATA) as database:
        async with database.write() as tx:
            await tx.execute(WORDS.insert().values(word="private"))

        assert modes(tmp_path) == dict.fromkeys(("words.db", "words.db-wal", "words.db-shm"), 0o600)


async def test_a_file_that_is_there_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "words.db"
    path.touch()
    path.chmod(0o640)

    async with Database(f"sqlite:///{path}", METADATA):
        assert modes(tmp_path)["words.db"] == 0o640


async def test_a_callback_comes_after_the_commit_and_never_after_a_rollback(
    database_url: str,
) -> None:
    called: list[str] = []
    async with Database(database_url, METADATA) as database:

        async def write(word: str) -> None:
            async with database.write() as tx:
                await tx.execute(WORDS.insert().values(word=word))
                after_commit(tx, lambda: called.append(word))
                assert word not in called
                if word == "refused":
                    raise ZeroDivisionError

        await write("first")
        with pytest.raises(ZeroDivisionError):
            await write("refused")
        await write("second")
        async with database.read() as tx:
            stored = list(await tx.scalars(sa.select(WORDS.c.word)))

    assert called == stored == ["first", "second"]


async def test_a_write_that_is_cancelled_anywhere_leaves_the_database_to_the_next_one(
    database_url: str,
) -> None:
    outcomes: list[object] = []  # with their tracebacks, and what these hold
    async with Database(database_url, METADATA) as database:

        async def write() -> None:
            async with database.write() as tx:
                await tx.execute(WORDS.insert().values(word="word"))
                await tx.execute(sa.select(WORDS))

        for turns in range(100):
            cancelled, other = asyncio.create_task(write()), asyncio.create_task(write())
            for _ in range(turns):
                await asyncio.sleep(0)
            cancelled.cancel()
            async with asyncio.timeout(BUSY_TIMEOUT_S / 2):
                outcomes += await asyncio.gather(cancelled, return_exceptions=True)
                await other
                await write()

    assert any(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes)


async def test_a_writer_waits_for_that_of_another_process_and_the_event_loop_does_not(tmp_path: Path) -> None:
    async with Database(f"sqlite:///{tmp_path}/words.db", METADATA) as database:

        async def write() -> None:
            async with database.write() as tx:
                await tx.execute(WORDS.insert().values(word="second"))

        with closing(sqlite3.connect(tmp_path / "words.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            writing = asyncio.create_task(write())
            await asyncio.sleep(0.05)
            async with database.read() as tx:
                assert await tx.scalar(sa.select(sa.func.count()).select_from(WORDS)) == 0
            assert not writing.done()
            other.execute("COMMIT")
        async with asyncio.timeout(BUSY_TIMEOUT_S):
            await writing
        async with database.read() as tx:
            assert (await tx.scalars(sa.select(WORDS.c.word))).all() == ["second"]


async def test_writers_that_wait_for_another_process_all_give_up_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_S", 0.3)
    path = tmp_path / "words.db"
    async with Database(f"sqlite:///{path}", METADATA) as database:

        async def write() -> None:
            async with database.write() as tx:
                await tx.execute(WORDS.insert().values(word="word"))

        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            started = monotonic()
            outcomes = await asyncio.gather(*(write() for _ in range(100)), return_exceptions=True)
            waited = monotonic() - started
        await write()

    assert {getattr(outcome, "status", None) for outcome in outcomes} == {503}
    assert waited < 15  # one after the other they would take 30 s


async def test_a_write_within_a_write_fails_and_leaves_the_database_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_S", 0.1)
    async with Database(f"sqlite:///{tmp_path}/words.db", METADATA) as database:
        with pytest.raises(Problem):
            async with database.write(), database.write():
                pass
        async with database.write() as tx:
            await tx.execute(WORDS.insert().values(word="word"))


async def test_writes_in_a_loop_leave_the_event_loop_to_others(database_url: str) -> None:
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with Database(database_url, METADATA) as database:
        other = asyncio.create_task(take_turns())
        for _ in range(10):
            async with database.write() as tx:
                await tx.execute(WORDS.insert().values(word="word"))
        assert turns >= 10
        other.cancel()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_in_memory_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="in memory, which is lost at the end: name a file"):
        Database(url, METADATA)
