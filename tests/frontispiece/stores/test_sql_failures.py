"""A database that is away, full, read-only or corrupt is a 503 with a name; a bug is none."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, InternalError, OperationalError, ProgrammingError

from frontispiece.http.problems import Problem
from frontispiece.stores import Database
from frontispiece.stores.sql_errors import kind_of

NOTES = sa.Table("notes", sa.MetaData(), sa.Column("text", sa.Text))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "notes.db"


@pytest.fixture
async def database(file: Path) -> AsyncIterator[Database]:
    async with Database(f"sqlite:///{file}", NOTES.metadata) as database:
        await write(database, "first")
        yield database


async def write(database: Database, text: str) -> None:
    async with database.write() as connection:
        await connection.execute(NOTES.insert(), {"text": text})


def overwrite(file: Path, offset: int, content: bytes) -> None:
    file.touch()
    with file.open("r+b") as opened:
        opened.seek(offset)
        opened.write(content)


async def read(database: Database) -> list[Any]:
    async with database.read() as connection:
        return list((await connection.execute(sa.select(NOTES))).scalars())


async def pragma(database: Database, text: str) -> None:
    """On every connection, which is one: nothing here runs at the same time."""
    async with database.read() as connection:
        await connection.exec_driver_sql(f"PRAGMA {text}")


async def refused(database: Database, text: str = "more") -> Problem:
    with pytest.raises(Problem) as refusal:
        await write(database, text)
    assert refusal.value.status == 503
    return refusal.value


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


async def test_a_full_disk_refuses_writes_by_its_name_and_reads_go_on(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    await pragma(database, "max_page_count = 2")
    for _ in range(3):
        problem = await refused(database, "x" * 20_000)
        assert (problem.kind, problem.headers["Retry-After"]) == ("store-full", "30")

    assert await read(database) == ["first"]
    await database.ping()
    (line,) = lines(caplog)
    assert line.startswith("The database has no space left: sqlite:///")
    assert line.endswith("notes.db: database or disk is full")

    await pragma(database, "max_page_count = 1000")
    await write(database, "x" * 20_000)
    assert len(await read(database)) == 2


async def test_a_database_that_cannot_be_written_is_named(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    await pragma(database, "query_only = true")

    assert (await refused(database)).kind == "store-read-only"
    assert await read(database) == ["first"]
    assert "The database cannot be written" in caplog.text


@pytest.mark.parametrize("garbage", [b"this is no database" * 400, b"SQLite format 3\0" + b"\xff" * 8000])
async def test_a_corrupt_file_is_named_where_it_is_opened(file: Path, garbage: bytes) -> None:
    overwrite(file, 0, garbage)

    with pytest.raises(Problem, match="The database is corrupt") as refusal:
        async with Database(f"sqlite:///{file}", NOTES.metadata):
            pass
    assert (refusal.value.status, refusal.value.kind) == (503, "store-corrupt")


async def test_a_database_that_was_found_corrupt_is_not_ready_any_more(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"sqlite:///{file}"
    async with Database(url, NOTES.metadata) as database:
        for _ in range(50):
            await write(database, "x" * 2000)
    overwrite(file, 4096, b"\xff" * 80_000)  # all pages but the first, with the schema

    async with Database(url, NOTES.metadata) as database:
        await database.ping()
        for _ in range(2):
            with pytest.raises(Problem) as refusal:
                await read(database)
            assert (refusal.value.kind, refusal.value.headers["Retry-After"]) == ("store-corrupt", "300")
        with pytest.raises(Problem, match="The database is corrupt"):
            await database.ping()

    assert len(lines(caplog)) == 1


async def test_a_folder_that_is_away_is_an_unavailable_database(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    database = Database("postgresql+psycopg://nobody@/gone?host=/nowhere", NOTES.metadata)

    for use in (database.__aenter__, database.ping):  # one that was not opened is not used, either
        with pytest.raises(Problem) as refusal:
            await use()
        assert (refusal.value.kind, refusal.value.headers["Retry-After"]) == ("store-unavailable", "1")


async def test_a_bug_is_no_unavailable_database(database: Database) -> None:
    with pytest.raises(OperationalError, match="no such table"):
        async with database.read() as connection:
            await connection.exec_driver_sql("SELECT * FROM nowhere")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (psycopg.errors.DiskFull(), "store-full"),
        (psycopg.errors.ReadOnlySqlTransaction(), "store-read-only"),
        (psycopg.errors.DataCorrupted(), "store-corrupt"),
        (psycopg.errors.IdleInTransactionSessionTimeout(), "store-unavailable"),
        (psycopg.errors.AdminShutdown(), "store-unavailable"),
        (psycopg.errors.TooManyConnections(), "store-unavailable"),
        (psycopg.OperationalError("connection refused"), "store-unavailable"),
        (psycopg.errors.UndefinedTable(), None),
        (psycopg.errors.InternalError_(), None),
    ],
)
def test_what_postgresql_reports_is_named_alike(error: psycopg.Error, kind: str | None) -> None:
    classes: dict[type[psycopg.Error], type[DBAPIError]] = {
        psycopg.OperationalError: OperationalError,
        psycopg.InternalError: InternalError,
        psycopg.ProgrammingError: ProgrammingError,
    }
    wrapped = next(ours for theirs, ours in classes.items() if isinstance(error, theirs))

    assert kind_of(wrapped("SELECT 1", {}, error)) == kind
