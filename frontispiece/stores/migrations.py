"""The versions of a service's database: files of Alembic, run under a lock by one process at a time.

A database is of one version, the number of the last file that was run on it. There is one environment for all
services and no `env.py`: a service has a package `migrations` with the `metadata` of its tables and files
`versions/0001_name.py`, whose `revision` is that number. They are run forward only.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from frontispiece.errors import ConfigError
from frontispiece.extras import extra
from frontispiece.stores.schema import VERSION_TABLE, Schema, differences, schema_of

with extra("sql"):
    import sqlalchemy as sa

NONE: Final = "0000"
FIRST: Final = "0001"

MEMORY: Final = "sqlite://"
"""The URL of a new SQLite database in memory."""

LOCK_KEY: Final = 727170
"""The key of PostgreSQL's advisory lock: of several processes that start at once, one migrates."""

LOCK_TIMEOUT_MS = 10_000
"""How long a version waits on PostgreSQL for a table that is in use: whoever comes after it waits as well."""

_one_at_a_time = threading.Lock()
"""Alembic's `op` is the same for all of a process."""

version_table = sa.Table(
    VERSION_TABLE, sa.MetaData(), sa.Column("version_num", sa.String(32), primary_key=True)
)


class WrongVersion(ConfigError):
    """A database is of another version than the code, or of none: one line that says what to do."""

    def __init__(self, message: str) -> None:
        super().__init__([message])


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """The version of a database, None when it has none, and whether it has no tables."""

    version: str | None
    empty: bool


class Migrations:
    """The versions of one database.

    Args:
        package: has `metadata`, the tables of the newest version, and the folder `versions`.

    Raises:
        ConfigError: there is no such package.
    """

    def __init__(self, package: str) -> None:
        self.package = package
        folder = _folder(package)
        if folder is None:
            raise ConfigError([f"There is no package {package} with the versions of a database."])
        self.folder = folder
        self.numbers = sorted(path.name[:4] for path in (self.folder / "versions").glob("[0-9]*.py"))
        self.head = self.numbers[-1] if self.numbers else NONE
        """The newest version."""

    @staticmethod
    def exist(package: str) -> bool:
        """Whether there is such a package."""
        return _folder(package) is not None

    @cached_property
    def metadata(self) -> sa.MetaData:
        """The tables of the newest version."""
        metadata = import_module(self.package).metadata
        assert isinstance(metadata, sa.MetaData)
        return metadata

    def needed(self, state: State, database: str) -> bool:
        """Whether a database needs to be migrated.

        Raises:
            WrongVersion: its version is newer than the code, which then would not know its tables.
        """
        if state.version is not None and state.version > self.head:
            raise WrongVersion(
                f"{database} is of version {state.version}, which is newer than this code's {self.head}: "
                "start the code of that version"
            )
        return state.version != self.head

    def run(self, connection: sa.Connection, after: str, until: str) -> None:
        """Run the versions after one and until another, in the connection's transaction."""
        from alembic.operations import Operations  # noqa: PLC0415 (takes 0.2 s: only where a database changes)
        from alembic.runtime.migration import MigrationContext  # noqa: PLC0415
        from alembic.script import ScriptDirectory  # noqa: PLC0415

        if until == after:
            return
        scripts = ScriptDirectory(str(self.folder), version_locations=[str(self.folder / "versions")])
        context = MigrationContext.configure(connection)
        with Operations.context(context):
            for script in reversed(
                list(scripts.iterate_revisions(until, after if after != NONE else "base"))
            ):
                script.module.upgrade()


def state_of(connection: sa.Connection) -> State:
    """The state of a database."""
    names = sa.inspect(connection).get_table_names()
    version = None
    if VERSION_TABLE in names:
        version = connection.execute(sa.select(version_table.c.version_num)).scalar()
    return State(version=version, empty=not set(names) - {VERSION_TABLE})


def outdated(database: str, state: State, migrations: Migrations) -> WrongVersion:
    """The error of a database that has to be migrated before it can be used."""
    version = f"of version {state.version}" if state.version else "empty" if state.empty else "of no version"
    return WrongVersion(
        f"{database} is {version}, this code needs version {migrations.head}: run front migrate"
    )


def without_password(url: str) -> str:
    """A database's URL without its password."""
    return sa.make_url(url).render_as_string(hide_password=True)


def create_file(url: str) -> None:
    """Create the file of an SQLite database for this user alone; its `-wal` and `-shm` get the same mode."""
    parsed = sa.make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        return
    path = Path(parsed.database)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.touch(0o600)


def lock(connection: sa.Connection) -> None:
    """Wait until no other process migrates this database; the transaction of an SQLite writer is its lock."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK_KEY)))


def create(connection: sa.Connection, migrations: Migrations, metadata: sa.MetaData) -> bool:
    """Create the newest tables in an empty database, without the versions; False if it is not empty."""
    lock(connection)
    state = state_of(connection)
    if state.version is not None or not state.empty:
        return False
    metadata.create_all(connection, checkfirst=False)
    version_table.create(connection, checkfirst=False)
    connection.execute(version_table.insert().values(version_num=migrations.head))
    return True


def upgrade(url: str, migrations: Migrations) -> str | None:
    """Bring a database to the newest version, in one transaction; returns the version that it had.

    A database with the tables of the first version that was made before there were versions is of that one.

    Raises:
        WrongVersion: its version is newer than the code, or it has other tables and no version.
    """
    with _one_at_a_time, writing(url) as connection:
        lock(connection)
        state = state_of(connection)
        name = without_password(url)
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}"))
        if not migrations.needed(state, name):
            return state.version
        version = state.version or NONE
        if version == NONE and not state.empty:
            version = _adopt(connection, migrations, name)
        migrations.run(connection, version, migrations.head)
        if connection.dialect.name == "sqlite":
            _check_references(connection, name)
        _stamp(connection, migrations.head)
        return state.version


def check(migrations: Migrations, url: str = MEMORY) -> list[str]:
    """How the tables of the newest version differ from those of the models, a sentence each.

    They are made in a new SQLite database in memory, or at the URL of one of PostgreSQL, and rolled back
    there.
    """
    numbers = migrations.numbers
    if numbers != [f"{number:04}" for number in range(1, len(numbers) + 1)]:
        return [f"the versions are numbered {', '.join(numbers)}"]
    with _one_at_a_time, writing(url) as connection:
        migrated = _migrated(connection, migrations, migrations.head)
    with writing(url) as connection, _scratch(connection):
        migrations.metadata.create_all(connection)
        modelled = schema_of(connection)
    return list(differences(migrated, modelled, ("migrations", "models")))


@contextmanager
def writing(url: str) -> Iterator[sa.Connection]:
    """A connection in a write transaction, to a database of its own or by an asynchronous driver's URL."""
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        parsed = parsed.set(drivername="sqlite")
    engine = sa.create_engine(parsed, poolclass=sa.NullPool)
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def _stamp(connection: sa.Connection, version: str) -> None:
    version_table.create(connection, checkfirst=True)
    connection.execute(version_table.delete())
    connection.execute(version_table.insert().values(version_num=version))


def _folder(package: str) -> Path | None:
    """The folder of a package, which is not imported."""
    try:
        spec = find_spec(package)
    except ModuleNotFoundError:
        return None
    folders = spec.submodule_search_locations if spec else None
    return Path(folders[0]) if folders else None


def _adopt(connection: sa.Connection, migrations: Migrations, name: str) -> str:
    """The first version, when the database has its tables and no others."""
    names = "the database", f"version {FIRST}"
    if found := list(differences(schema_of(connection), _first_schema(connection, migrations), names)):
        raise WrongVersion(f"{name} has tables but no version, and not those of {FIRST}: {'; '.join(found)}")
    return FIRST


def _first_schema(connection: sa.Connection, migrations: Migrations) -> Schema:
    if connection.dialect.name == "postgresql":
        return _migrated(connection, migrations, FIRST)
    with writing(MEMORY) as empty:
        return _migrated(empty, migrations, FIRST)


def _migrated(connection: sa.Connection, migrations: Migrations, until: str) -> Schema:
    with _scratch(connection):
        migrations.run(connection, NONE, until)
        return schema_of(connection)


@contextmanager
def _scratch(connection: sa.Connection) -> Iterator[None]:
    """An empty schema: on PostgreSQL one that is rolled back, on SQLite the database, which is in memory."""
    if connection.dialect.name != "postgresql":
        yield
        return
    savepoint = connection.begin_nested()
    try:
        connection.execute(sa.text("CREATE SCHEMA front_scratch"))
        connection.execute(sa.text("SET LOCAL search_path = front_scratch"))
        yield
    finally:
        savepoint.rollback()


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver would begin transactions late
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout = 30000")
    # A table that is copied to change it is dropped, and rows that refer to it would go with it.
    cursor.execute("PRAGMA foreign_keys = OFF")
    cursor.close()


def _check_references(connection: sa.Connection, name: str) -> None:
    if broken := connection.exec_driver_sql("PRAGMA foreign_key_check").all():
        tables = ", ".join(sorted({row[0] for row in broken}))
        raise WrongVersion(f"{name} was not migrated: rows of {tables} would refer to none")
