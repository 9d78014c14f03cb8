"""A database is brought to the code's version, or refused; what is in it stays."""

import asyncio
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
import sqlalchemy as sa

from frontispiece.stores import Database
from frontispiece.stores.migrations import Migrations, WrongVersion, upgrade, writing
from tests.support.migrations import CHECKED, FIRST, RANK, Write, write
from tests.support.postgres import Postgres
from tests.support.shop import ROOT

__all__ = ["write"]  # a fixture


@pytest.fixture
def first(write: Write, database_url: str) -> Migrations:
    """A database of version 0001 at `database_url`, with an author and a note."""
    migrations = write(FIRST)
    upgrade(database_url, migrations)
    fill(database_url)
    return migrations


def opened(url: str, migrations: Migrations) -> Database:
    return Database(url, migrations.metadata, migrations.package)


def fill(url: str) -> None:
    with writing(url) as connection:
        connection.execute(sa.text("INSERT INTO authors (id, name) VALUES (7, 'Ada')"))
        connection.execute(sa.text("INSERT INTO notes (id, author) VALUES (1, 7)"))


def rows(url: str, query: str) -> list[tuple[object, ...]]:
    with writing(url) as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


def version(url: str) -> str:
    ((found,),) = rows(url, "SELECT version_num FROM alembic_version")
    return str(found)


async def test_an_empty_database_is_of_the_newest_version_at_once(write: Write, database_url: str) -> None:
    migrations = write(FIRST, CHECKED, authors=RANK)

    async with opened(database_url, migrations):
        assert version(database_url) == "0002"
    assert upgrade(database_url, migrations) == "0002"


async def test_an_older_database_is_migrated_at_the_start_and_keeps_its_rows(
    write: Write, database_url: str, first: Migrations
) -> None:
    async with opened(database_url, write(FIRST, CHECKED, authors=RANK)):
        assert version(database_url) == "0002"

    # The table of authors was copied on SQLite: its notes refer to it with ON DELETE CASCADE.
    assert rows(database_url, "SELECT id, name, rank FROM authors") == [(7, "Ada", 1)]
    assert rows(database_url, "SELECT id, author FROM notes") == [(1, 7)]


@pytest.mark.parametrize("migrate_before", [True, False], ids=["older", "empty"])
async def test_in_production_a_service_refuses_an_older_or_empty_database_in_one_line(
    write: Write, database_url: str, monkeypatch: pytest.MonkeyPatch, *, migrate_before: bool
) -> None:
    if migrate_before:
        upgrade(database_url, write(FIRST))
    migrations = write(FIRST, CHECKED, authors=RANK)
    monkeypatch.setenv("DATABASE_MIGRATE", "false")

    with pytest.raises(WrongVersion, match="this code needs version 0002: run front migrate") as refusal:
        async with opened(database_url, migrations):
            pass
    assert "\n" not in str(refusal.value)

    upgrade(database_url, migrations)
    async with opened(database_url, migrations):
        pass


async def test_production_is_the_default(
    write: Write, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_MIGRATE")

    with pytest.raises(WrongVersion, match="is empty, this code needs version 0001"):
        async with opened(database_url, write(FIRST)):
            pass


async def test_a_newer_database_is_refused_by_older_code(
    write: Write, database_url: str, first: Migrations
) -> None:
    upgrade(database_url, write(FIRST, CHECKED))

    with pytest.raises(WrongVersion, match="of version 0002, which is newer than this code's 0001"):
        upgrade(database_url, first)
    with pytest.raises(WrongVersion, match="of version 0002, which is newer"):
        async with opened(database_url, first):
            pass
    assert rows(database_url, "SELECT id, author FROM notes") == [(1, 7)]


def test_a_version_that_fails_leaves_the_database_as_it_was(
    write: Write, database_url: str, first: Migrations
) -> None:
    broken = write(FIRST, CHECKED, "op.drop_table('notes')", "op.execute('no SQL')")

    with pytest.raises(sa.exc.SQLAlchemyError):
        upgrade(database_url, broken)

    assert version(database_url) == "0001"
    assert rows(database_url, "SELECT id, author FROM notes") == [(1, 7)]
    assert upgrade(database_url, write(FIRST, CHECKED)) == "0001"


def test_a_migration_gives_up_on_a_table_in_use_before_readers_queue(
    write: Write, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgres.new_database()
    upgrade(url, write(FIRST))
    fill(url)
    migrations = write(FIRST, CHECKED, authors=RANK)
    monkeypatch.setattr("frontispiece.stores.migrations.LOCK_TIMEOUT_MS", 50)

    with writing(url) as reader:
        reader.execute(sa.text("SELECT name FROM authors"))
        with pytest.raises(sa.exc.OperationalError, match="lock timeout"):
            upgrade(url, migrations)

    assert upgrade(url, migrations) == "0001"
    assert rows(url, "SELECT id, name, rank FROM authors") == [(7, "Ada", 1)]


def test_a_version_that_leaves_rows_without_those_they_refer_to_is_undone(
    write: Write, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/service.db"
    upgrade(url, write(FIRST))
    fill(url)

    with pytest.raises(WrongVersion, match="rows of notes would refer to none"):
        upgrade(url, write(FIRST, "op.execute('DELETE FROM authors')"))
    assert rows(url, "SELECT id FROM authors") == [(7,)]


PROCESS = """
import sys
from frontispiece.stores.migrations import Migrations, upgrade

migrations = Migrations(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
print(upgrade(sys.argv[2], migrations))
"""


def test_many_processes_that_start_at_once_migrate_a_database_once(
    write: Write, database_url: str, first: Migrations
) -> None:
    migrations = write(FIRST, CHECKED, authors=RANK)
    command = [sys.executable, "-c", PROCESS, migrations.package, database_url]
    path = os.pathsep.join([str(migrations.folder.parent), str(ROOT)])

    with ExitStack() as stack:
        processes = [
            stack.enter_context(
                subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    env={**os.environ, "PYTHONPATH": path},
                )
            )
            for _ in range(4)
        ]
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        before = [process.communicate(timeout=60)[0].strip() for process in processes]

    assert sorted(before) == ["0001", "0002", "0002", "0002"]
    assert rows(database_url, "SELECT id, name, rank FROM authors") == [(7, "Ada", 1)]


async def test_many_that_open_an_empty_database_at_once_make_its_tables_once(
    write: Write, database_url: str
) -> None:
    migrations = write(FIRST)

    async def opens() -> None:
        async with opened(database_url, migrations):
            pass

    await asyncio.gather(*(opens() for _ in range(8)))

    assert version(database_url) == "0001"


def test_a_database_from_before_there_were_versions_is_taken_over_with_its_rows(
    write: Write, database_url: str
) -> None:
    with writing(database_url) as connection:
        write().metadata.create_all(connection)
    fill(database_url)

    assert upgrade(database_url, write(FIRST, CHECKED, authors=RANK)) is None
    assert version(database_url) == "0002"
    assert rows(database_url, "SELECT id, name, rank FROM authors") == [(7, "Ada", 1)]
    assert rows(database_url, "SELECT id, author FROM notes") == [(1, 7)]


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ("DROP TABLE notes", "only version 0001: table notes"),
        ("CREATE TABLE drafts (id INTEGER)", "only the database: table drafts"),
        ("ALTER TABLE authors ADD COLUMN born INTEGER", "only the database: table authors: column born"),
    ],
)
def test_a_database_with_other_tables_and_no_version_is_refused_and_stays_as_it_is(
    write: Write, database_url: str, change: str, difference: str
) -> None:
    with writing(database_url) as connection:
        write().metadata.create_all(connection)
        connection.execute(sa.text(change))

    with pytest.raises(WrongVersion, match="has tables but no version") as refusal:
        upgrade(database_url, write(FIRST))

    assert difference in str(refusal.value)
    assert "\n" not in str(refusal.value)
    with writing(database_url) as connection:
        assert "alembic_version" not in sa.inspect(connection).get_table_names()
