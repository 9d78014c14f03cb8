"""The migrations of all services make the tables of their models, on both kinds of database."""

import sqlite3
from pathlib import Path

import pytest

from frontispiece.cli.run.migrate import AppDatabase, databases
from frontispiece.stores.migrations import check, upgrade
from tests.support.postgres import Postgres
from tests.support.shop import PROJECT

FIRST_TABLES = Path(__file__).with_name("adoption")
"""What the services made of an empty SQLite file before there were versions, by their names."""

NUMBERS = {"INTEGER", "BIGINT", "SMALLINT", "DOUBLE"}

DATABASES = {f"{database.variable}{database.key}": database for database in databases(PROJECT)}


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest) -> AppDatabase:
    return DATABASES[request.param]


def test_every_database_of_the_shop_has_versions() -> None:
    declared = {variable for app in PROJECT.apps.values() for variable in app.databases}
    shards = {app.shards.variable for app in PROJECT.apps.values() if app.shards}

    assert {database.variable for database in DATABASES.values()} == declared | shards


def test_the_migrations_make_the_tables_of_the_models_on_sqlite(database: AppDatabase) -> None:
    assert check(database.migrations) == []


def test_the_migrations_make_the_tables_of_the_models_on_postgresql(
    database: AppDatabase, postgres: Postgres
) -> None:
    assert check(database.migrations, postgres.new_database()) == []


ADOPTED = sorted({path.stem for path in FIRST_TABLES.glob("*.sql")} - {"ordering"})
"""The services whose first tables are still there; what became of orders is tested with ordering."""


@pytest.mark.parametrize("app", ADOPTED)
def test_a_database_from_before_there_were_versions_is_taken_over_with_its_rows(
    app: str, tmp_path: Path
) -> None:
    file = tmp_path / "service.db"
    with sqlite3.connect(file) as connection:
        connection.executescript((FIRST_TABLES / f"{app}.sql").read_text(encoding="utf-8"))
        tables = _tables(connection)
        for table, columns in tables.items():
            values = ["1" if kind in NUMBERS else "'a'" for kind in columns.values()]
            connection.execute(f'INSERT INTO "{table}" VALUES ({", ".join(values)})')
    (database, *_) = databases(PROJECT, [app])

    assert upgrade(f"sqlite:///{file}", database.migrations) is None

    with sqlite3.connect(file) as connection:
        remaining = {table: columns for table, columns in _tables(connection).items() if table in tables}
        for table, columns in remaining.items():
            names = [name for name in columns if name in tables[table]]
            (row,) = connection.execute(f'SELECT {_quoted(names)} FROM "{table}"')
            assert set(row) <= {1, "a"}
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [
            (database.migrations.head,)
        ]
    assert remaining


def _tables(connection: sqlite3.Connection) -> dict[str, dict[str, str]]:
    """The tables of a database with the types of their columns."""
    names = [
        name
        for name, kind, table in connection.execute("SELECT name, type, sql FROM sqlite_schema")
        if kind == "table"
        and not table.startswith("CREATE VIRTUAL")
        and not name.startswith(("product_search", "alembic"))
    ]
    return {
        name: {row[1]: row[2] for row in connection.execute(f'PRAGMA table_info("{name}")')} for name in names
    }


def _quoted(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
