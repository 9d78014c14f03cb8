"""A service's own relational database, an SQLite file or PostgreSQL by URL, and what all stores do alike."""

import asyncio
import logging
import select
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Self

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from frontispiece import telemetry
from frontispiece.errors import ConfigError
from frontispiece.extras import extra
from frontispiece.settings import Settings

with extra("sql"):
    import sqlalchemy as sa
    from sqlalchemy.dialects import postgresql, sqlite
    from sqlalchemy.exc import SQLAlchemyError
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

    from frontispiece.stores import sqlite as sqlite_driver
    from frontispiece.stores.migrations import (
        Migrations,
        create,
        create_file,
        lock,
        outdated,
        shown,
        state_of,
        upgrade,
    )
    from frontispiece.stores.sql_errors import CORRUPT, DETAILS, UNAVAILABLE, kind_of, problem

log = logging.getLogger(__name__)

PINGS = {"sqlite": "SELECT count(*) FROM sqlite_schema", "postgresql": "SELECT 1"}
"""Queries that answer when the database is reachable; SQLite's opens the file, which `SELECT 1` does not."""

CONNECT_TIMEOUT_S = 5
"""How long PostgreSQL may take to accept a connection."""

AFTER_COMMIT = "after_commit"
"""The execution option with what to call after the commit."""


class DatabaseSettings(Settings):
    """Settings of every service with a database."""

    model_config = SettingsConfigDict(env_prefix="DATABASE_")

    migrate: bool = Field(
        False,
        description="Whether a service migrates its database when it starts, as it does under `front up`. "
        "Without, it refuses to start on another version than the code's, until `front migrate` has run.",
    )


class Database:
    """One database; made without I/O, opened with `async with`.

    Args:
        url: `sqlite:///path` or `postgresql+psycopg://…`.
        metadata: the tables.
        migrations: the package with their versions. Without one, tables are created if they are missing.

    Raises:
        ConfigError: the URL names a database in memory.
    """

    def __init__(self, url: str, metadata: sa.MetaData, migrations: str | None = None) -> None:
        self._metadata = metadata
        self._migrations = Migrations(migrations) if migrations else None
        self._migrate = DatabaseSettings().migrate
        self._failure = ""
        """The kind of the failure that the log has told of; a database that was corrupt stays so."""
        self._url = url
        self.engine = _engine(url)
        self.dialect = self.engine.dialect.name
        self._name = shown(url)
        self._turns = sqlite_driver.Turns() if self.dialect == "sqlite" else None
        if telemetry.is_on():
            from frontispiece.telemetry import sql  # noqa: PLC0415 (only with traces)

            sql.instrument(self.engine.sync_engine)

    async def __aenter__(self) -> Self:
        create_file(self._url)
        try:
            if self._migrations is not None:
                await self._check_version(self._migrations)
            else:
                async with self.write() as connection:
                    await connection.run_sync(lock)
                    await connection.run_sync(self._metadata.create_all)
        except BaseException:
            await self.engine.dispose()
            raise
        return self

    async def _check_version(self, migrations: Migrations) -> None:
        """Return when the database is of the code's version; migrate it before, where that is allowed."""
        async with self.read() as connection:
            state = await connection.run_sync(state_of)
        if not migrations.needed(state, self._name):
            return
        if not self._migrate:
            raise outdated(self._name, state, migrations)
        if state.empty:
            async with self.write() as connection:
                if await connection.run_sync(create, migrations, self._metadata):
                    return
        with self._failures_as_problems(writes=True):
            await asyncio.to_thread(upgrade, self._url, migrations)

    async def __aexit__(self, *_exc: object) -> None:
        await self.engine.dispose()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A read transaction: one consistent view of the data.

        Raises:
            Problem: 503 when the database is away, full, read-only or corrupt.
        """
        with self._failures_as_problems(writes=False):
            if self._turns is None:
                async with self.engine.connect() as connection, connection.begin():
                    yield connection
            else:
                await _give_turns()
                with self.engine.sync_engine.connect() as inline, inline.begin():
                    yield sqlite_driver.InlineConnection(self.engine, inline)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A write transaction: committed at the end of the block, rolled back if it raises.

        Raises:
            Problem: 503 when the database is away, full, read-only or corrupt.
        """
        callbacks: list[Callable[[], None]] = []
        with self._failures_as_problems(writes=True):
            if self._turns is None:
                async with self.engine.connect() as connection:
                    await connection.execution_options(**{AFTER_COMMIT: callbacks})
                    async with connection.begin():
                        yield connection
            else:
                await _give_turns()
                async with self._turns.turn() as give_up:
                    with self.engine.sync_engine.connect() as inline:
                        inline.execution_options(**{AFTER_COMMIT: callbacks})
                        await sqlite_driver.begin_immediate(inline, give_up)
                        with inline.begin():
                            yield sqlite_driver.InlineConnection(self.engine, inline)
        for callback in callbacks:
            callback()

    async def ping(self) -> None:
        """Return when the database is reachable, and was not found corrupt since it was opened.

        Raises:
            Problem: 503 when it is not.
        """
        if self._failure == CORRUPT:
            raise problem(CORRUPT)
        async with self.read() as connection:
            await connection.execute(sa.text(PINGS[self.dialect]))

    @contextmanager
    def _failures_as_problems(self, *, writes: bool) -> Iterator[None]:
        """Problems in place of what the driver raises; the log has a line when their kind changes."""
        try:
            yield
        except SQLAlchemyError as error:
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise asyncio.CancelledError from error  # a rollback that fails must not swallow it
            if (kind := kind_of(error)) is None:
                raise
            if self._failure not in {kind, CORRUPT}:
                self._failure = kind
                reason = getattr(error, "orig", error)
                log.error("%s: %s: %s", DETAILS[kind], self._name, reason)  # noqa: TRY400 (one line)
            raise problem(kind) from error
        if self._failure == UNAVAILABLE or (writes and self._failure != CORRUPT):
            self._failure = ""


async def _give_turns() -> None:
    """Let other tasks run: statements of SQLite do not wait, and a loop of them would hold all up."""
    await asyncio.sleep(0)


def after_commit(tx: AsyncConnection, callback: Callable[[], None]) -> None:
    """Call back when this transaction of `Database.write` is committed; not when it is rolled back."""
    assert tx.sync_connection is not None
    tx.sync_connection.get_execution_options()[AFTER_COMMIT].append(callback)


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class Moment(sa.TypeDecorator[datetime]):
    """A column of times, stored as Unix time in microseconds: exact and sorted alike on both databases."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: sa.Dialect) -> int | None:
        """Microseconds, computed in whole numbers: a float would lose one."""
        return None if value is None else (value - EPOCH) // MICROSECOND

    def process_result_value(self, value: int | None, _dialect: sa.Dialect) -> datetime | None:
        """The time, in UTC."""
        return None if value is None else EPOCH + value * MICROSECOND


class SqlStore:
    """The base of a service's store: one database, opened with `async with`.

    Args:
        url: of the database.
        now: the current time.
    """

    main_table: ClassVar[sa.Table]
    """Has rows unless the store is empty; its metadata are those of the database."""

    migrations: ClassVar[str | None] = None
    """The package with the versions of the database."""

    def __init__(self, url: str, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.database = Database(url, self.main_table.metadata, self.migrations)
        self._now = now

    async def __aenter__(self) -> Self:
        await self.database.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.database.__aexit__(*exc)

    async def ping(self) -> None:
        """Return when the database is reachable; else raise a `Problem`, 503."""
        await self.database.ping()

    async def is_empty(self) -> bool:
        """Whether the main table has no rows."""
        async with self.database.read() as tx:
            return (await tx.execute(sa.select(self.main_table).limit(1))).first() is None

    def _insert(self, table: sa.Table) -> "postgresql.Insert | sqlite.Insert":
        """An INSERT that can have an ON CONFLICT clause."""
        return postgresql.insert(table) if self.database.dialect == "postgresql" else sqlite.insert(table)


def _engine(url: str) -> AsyncEngine:
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        if parsed.database in {None, "", ":memory:"}:
            raise ConfigError([f"{url} is a database in memory, which is lost at the end: name a file"])
        return sqlite_driver.create_engine(parsed)
    engine = create_async_engine(
        parsed, pool_size=5, max_overflow=0, connect_args={"connect_timeout": CONNECT_TIMEOUT_S}
    )
    sa.event.listen(engine.sync_engine, "checkout", _replace_broken)
    return engine


def _replace_broken(connection: Any, *_pool: Any) -> None:
    """Have the pool replace a connection that the server has closed: its stream has ended.

    SQLAlchemy's own ping asks the server before each transaction.

    Raises:
        DisconnectionError: the pool connects anew.
    """
    driver = connection.driver_connection
    poll = select.poll()
    if not driver.closed:
        poll.register(driver.fileno(), select.POLLIN)
    if driver.closed or poll.poll(0):
        raise sa.exc.DisconnectionError
