"""What a database promises about its file."""

import asyncio
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from frontispiece.stores import Database, after_commit
from frontispiece.stores.sqlite import BUSY_TIMEOUT_MS
from tests.support.files import modes
from tests.support.waiting import until

METADATA = sa.MetaData()
WORDS = sa.Table("words", METADATA, sa.Column("word", sa.String))


async def test_a_new_sqlite_file_and_its_journals_are_its_owners_alone(
    tmp_path: Path, open_umask: None
) -> None:
    async with Database(f"sqlite+aiosqlite:///{tmp_path}/deep/words.db", METADATA) as database:
        async with database.write() as tx:
            await tx.execute(WORDS.insert().values(word="private"))

        assert modes(tmp_path) == dict.fromkeys(("words.db", "words.db-wal", "words.db-shm"), 0o600)


async def test_a_file_that_is_there_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "words.db"
    path.touch()
    path.chmod(0o640)

    async with Database(f"sqlite+aiosqlite:///{path}", METADATA):
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
            async with asyncio.timeout(BUSY_TIMEOUT_MS / 1000 / 2):
                outcomes += await asyncio.gather(cancelled, return_exceptions=True)
                await other
                await write()

    assert any(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes)


async def test_the_thread_of_a_connection_whose_opening_is_cancelled_ends_before_the_database_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[threading.Thread] = []
    may_end = threading.Event()

    def slow(*args: Any, **options: Any) -> sqlite3.Connection:
        begun.append(threading.current_thread())
        may_end.wait()
        return connect(*args, **options)

    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", slow)

    opening = asyncio.create_task(Database(f"sqlite+aiosqlite:///{tmp_path}/words.db", METADATA).__aenter__())
    await until(lambda: bool(begun))
    opening.cancel()
    asyncio.get_running_loop().call_later(0.05, may_end.set)
    with pytest.raises(asyncio.CancelledError):
        await opening

    assert not begun[0].is_alive()
