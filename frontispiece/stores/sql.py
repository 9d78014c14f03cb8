"""A service's own relational database, an SQLite file or PostgreSQL by URL, and what all stores do alike."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Self

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from frontispiece import telemetry
from frontispiece.errors import ConfigError
from frontispiece.extras import extra
from frontispiece.settings import Settings

with extra("sql"):
    import sqlalchemy as sa
    from sqlalchemy.exc import SQLAlchemyError
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from frontispiece.stores import sqlite as sqlite_driver
    from frontispiece.stores.migrations import (
        Migrations,
        create,
        create_file,
        lock,
        outdated,
        state_of,
        upgrade,
        without_password,
    )
    from frontispiece.stores.sql_errors import CORRUPT, DETAILS, UNAVAILABLE, kind_of, problem

if TYPE_CHECKING:
    from frontispiece.stores.replicas import Replicas

log = logging.getLogger(__name__)

PINGS = {"sqlite": "SELECT count(*) FROM sqlite_schema", "postgresql": "SELECT 1"}
"""Queries that answer when the database is reachable; SQLite's opens the file, which `SELECT 1` does not."""

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
    statement_timeout: float = Field(
        30.0,
        gt=0,
        description="Seconds that PostgreSQL may take for a statement; then the caller gets 503, and the "
        "connection is closed.",
    )
    max_replica_lag: float = Field(
        5.0, gt=0, description="Seconds; a replica that lags further behind its primary serves no reads."
    )


class Database:
    """One database; made without I/O, opened with `async with`. Until then it is one that is away: 503.

    Args:
        url: `sqlite:///path` or `postgresql+psycopg://…`.
        metadata: the tables.
        migrations: the package with their versions. Without one, tables are created if they are missing.
        replicas: the URLs of its replicas (PostgreSQL), which serve reads that may be a little older.

    Raises:
        ConfigError: the URL names a database in memory, or replicas of SQLite.
    """

    def __init__(
        self, url: str, metadata: sa.MetaData, migrations: str | None = None, replicas: Sequence[str] = ()
    ) -> None:
        self._metadata = metadata
        self._migrations = Migrations(migrations) if migrations else None
        settings = DatabaseSettings()
        self._migrate = settings.migrate
        self._failure = ""
        """The kind of the failure that was logged last; it stays `CORRUPT` once it was."""
        self._is_open = False
        self._url = url
        self.engine = _engine(url, settings)
        self.dialect = self.engine.dialect.name
        self._replicas = _replicas(self.engine, replicas, settings) if replicas else None
        self._watching = AsyncExitStack()
        self._name = without_password(url)
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
                async with self._writing() as connection:
                    await connection.run_sync(lock)
                    await connection.run_sync(self._metadata.create_all)
            if self._replicas is not None:
                await self._watching.enter_async_context(self._replicas.watched())
        except BaseException:
            await self.engine.dispose()
            raise
        self._is_open = True
        return self

    async def _check_version(self, migrations: Migrations) -> None:
        """Return when the database is of the code's version; migrate it before, where that is allowed."""
        async with self._reading(None) as connection:
            state = await connection.run_sync(state_of)
        if not migrations.needed(state, self._name):
            return
        if not self._migrate:
            raise outdated(self._name, state, migrations)
        if state.empty:
            async with self._writing() as connection:
                if await connection.run_sync(create, migrations, self._metadata):
                    return
        with self._failures_as_problems(writes=True):
            await asyncio.to_thread(upgrade, self._url, migrations)

    async def __aexit__(self, *_exc: object) -> None:
        self._is_open = False
        await self._watching.aclose()
        await self.engine.dispose()

    async def position(self) -> int | None:
        """The position that has what was committed before; None without replicas.

        Raises:
            Problem: 503 when the database is away.
        """
        if self._replicas is None:
            return None
        async with self.read() as connection:
            return await self._replicas.position(connection)

    def read(self, min_position: int | None = None) -> AbstractAsyncContextManager[AsyncConnection]:
        """A read transaction: one consistent view of the data.

        Args:
            min_position: the position that the view has to have; 0 allows any view that is at most
                `DATABASE_MAX_REPLICA_LAG` old, and None the newest alone.

        Raises:
            Problem: 503 when the database is away, full, read-only or corrupt.
        """
        self._check_open()
        return self._reading(min_position)

    @asynccontextmanager
    async def _reading(self, min_position: int | None) -> AsyncIterator[AsyncConnection]:
        with self._failures_as_problems(writes=False):
            if self._turns is None:
                async with AsyncExitStack() as stack:
                    connection = await self._connect(stack, min_position)
                    await stack.enter_async_context(connection.begin())
                    yield connection
            else:
                await _give_turns()
                with self.engine.sync_engine.connect() as inline, inline.begin():
                    yield sqlite_driver.InlineConnection(self.engine, inline)

    async def _connect(self, stack: AsyncExitStack, min_position: int | None) -> AsyncConnection:
        """A connection to a replica that has a position, if there is one; else to the primary."""
        if self._replicas is not None and min_position is not None:
            replica = await self._replicas.connect(stack, min_position)
            if replica is not None:
                return replica
        return await stack.enter_async_context(self.engine.connect())

    def write(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A write transaction: committed at the end of the block, rolled back if it raises.

        Raises:
            Problem: 503 when the database is away, full, read-only or corrupt.
        """
        self._check_open()
        return self._writing()

    def _check_open(self) -> None:
        """Return when the database is open; one that is not may have tables of another version."""
        if not self._is_open:
            raise problem(UNAVAILABLE)

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[AsyncConnection]:
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
        """Return when it can be read, and was not found corrupt since it was opened.

        Raises:
            Problem: 503 when it is not.
        """
        if self._failure == CORRUPT:
            raise problem(CORRUPT)
        async with self.read(min_position=0) as connection:
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


def _engine(url: str, settings: DatabaseSettings) -> AsyncEngine:
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        if parsed.database in {None, "", ":memory:"}:
            raise ConfigError([f"{url} is a database in memory, which is lost at the end: name a file"])
        return sqlite_driver.create_engine(parsed)
    from frontispiece.stores.postgresql import create_engine  # noqa: PLC0415 (an extra)

    return create_engine(parsed, settings.statement_timeout)


def _replicas(primary: AsyncEngine, urls: Sequence[str], settings: DatabaseSettings) -> "Replicas":
    if any(not url.startswith("postgresql") for url in [str(primary.url), *urls]):
        raise ConfigError(["Only a PostgreSQL database has replicas"])
    from frontispiece.stores.replicas import Replicas  # noqa: PLC0415 (an extra)

    return Replicas(primary, [_engine(url, settings) for url in urls], settings.max_replica_lag)
