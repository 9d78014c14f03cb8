"""A service's own relational database: an SQLite file or PostgreSQL, by URL."""

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import InterfaceError, OperationalError, TimeoutError  # noqa: A004 (its pool's own)
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from kit import telemetry
from kit.problems import Problem

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 5
"""How long PostgreSQL may take to take a connection."""

BUSY_TIMEOUT_MS = 30_000
"""How long an SQLite writer waits for the one before it."""


class Database:
    """One database with its tables; made without I/O, opened with `async with`.

    Args:
        url: `sqlite+aiosqlite:///path` or `postgresql+psycopg://…`.
        metadata: the tables, created when they are missing.
    """

    def __init__(self, url: str, metadata: sa.MetaData) -> None:
        self._metadata = metadata
        self.engine = create_async_engine(url, pool_size=5, max_overflow=0, **_over_network(url))
        self.dialect = self.engine.dialect.name
        if self.dialect == "sqlite":
            sa.event.listen(self.engine.sync_engine, "connect", _prepare_sqlite)
            sa.event.listen(self.engine.sync_engine, "begin", _begin_sqlite)
        if telemetry.is_on():
            from kit.tracing import sql  # noqa: PLC0415 (only where traces are asked for)

            sql.watch(self.engine.sync_engine)

    async def __aenter__(self) -> Self:
        if self.dialect == "sqlite" and self.engine.url.database:
            Path(self.engine.url.database).parent.mkdir(parents=True, exist_ok=True)
        async with self.write() as connection:
            if (
                self.dialect == "postgresql"
            ):  # several processes may start at once: one creates, the others wait
                await connection.execute(sa.text("SELECT pg_advisory_xact_lock(727170)"))
            await connection.run_sync(self._metadata.create_all)
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.engine.dispose()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """One consistent view of the data.

        Raises:
            Problem: 503 `store-unavailable` when the database cannot be reached.
        """
        with _told_when_away():
            async with self.engine.connect() as connection, connection.begin():
                yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """One transaction: kept whole when the block ends, undone whole when it raises.

        Raises:
            Problem: 503 `store-unavailable` when the database cannot be reached.
        """
        with _told_when_away():
            async with self.engine.connect() as connection:
                await connection.execution_options(writes=True)
                async with connection.begin():
                    yield connection

    async def ping(self) -> None:
        """Return when the database answers.

        Raises:
            Problem: 503 when it does not.
        """
        async with self.read() as connection:
            await connection.execute(sa.text("SELECT 1"))


def _over_network(url: str) -> dict[str, Any]:
    """Connections to a server can break while they wait to be used; those to a file cannot."""
    if not url.startswith("postgresql"):
        return {}
    return {"pool_pre_ping": True, "connect_args": {"connect_timeout": CONNECT_TIMEOUT_S}}


@contextmanager
def _told_when_away() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, TimeoutError) as fault:
        log.warning("The database cannot be used: %s", fault)
        soon = {"Retry-After": "1"}
        raise Problem(
            503, "store-unavailable", "What is kept cannot be reached right now.", headers=soon
        ) from fault


def _prepare_sqlite(connection: DBAPIConnection, _record: Any) -> None:
    connection.isolation_level = None  # the driver would begin transactions late; see _begin_sqlite
    cursor = connection.cursor()
    for pragma in (
        "journal_mode = WAL",
        "synchronous = NORMAL",
        "foreign_keys = ON",
        f"busy_timeout = {BUSY_TIMEOUT_MS}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    # A writer takes its lock at once: one that began by reading could not upgrade and would fail as "busy".
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
