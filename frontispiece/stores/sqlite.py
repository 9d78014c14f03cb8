"""SQLite on the event loop's own thread.

A statement takes microseconds; to hand it to another thread and back takes longer, and while the loop is busy
each way waits for the interpreter's lock. What may take long is the wait for another writer, which is the
event loop's: `begin` sleeps between its attempts. Commits do not sync (see `prepare`), checkpoints do.
"""

import asyncio
import random
import sqlite3
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any, Final

from frontispiece.extras import extra

with extra("sql"):
    import sqlalchemy as sa
    from sqlalchemy.dialects import registry
    from sqlalchemy.dialects.sqlite.base import SQLiteExecutionContext
    from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
    from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
    from sqlalchemy.pool import AsyncAdaptedQueuePool, Pool
    from sqlalchemy.util.concurrency import await_only

DRIVER: Final = "sqlite+inline"
"""The name of the dialect in URLs."""

BUSY_TIMEOUT_S: Final = 30.0
"""How long a writer waits for others, of this process and of another one."""

MAX_PAUSE: Final = 0.01
"""Seconds between two attempts to become the writer, at most."""

GIVE_UP: Final = "give_up"
"""The execution option of a writer: until when it may wait, by the monotonic clock."""

READ_TIMEOUT_MS: Final = 5000
"""How long a statement waits, together with the loop, for a process that recovers or closes the file."""


class _Cursor(sqlite3.Cursor):
    """Gives its rows from memory once a statement has been executed: none stays open."""

    async def _async_soft_close(self) -> None:  # the name is SQLAlchemy's
        rows = deque(self.fetchall())

        def fetchmany(size: int | None = 1) -> list[Any]:
            return [rows.popleft() for _ in range(min(size or 1, len(rows)))]

        self.fetchone = lambda: rows.popleft() if rows else None  # type: ignore[method-assign]
        self.fetchmany = fetchmany  # type: ignore[method-assign]
        self.fetchall = lambda: fetchmany(len(rows))  # type: ignore[method-assign]


class _ExecutionContext(SQLiteExecutionContext):
    def create_default_cursor(self) -> DBAPICursor:
        return self._dbapi_connection.cursor(_Cursor)

    def create_server_side_cursor(self) -> DBAPICursor:
        """A cursor whose rows are read as they are fetched."""
        return self._dbapi_connection.cursor()


class InlineDialect(SQLiteDialect_pysqlite):
    """SQLAlchemy's dialect of `sqlite3`, for an asynchronous engine."""

    driver = "inline"
    supports_statement_cache = True
    is_async = True
    has_terminate = True
    supports_server_side_cursors = True
    execution_ctx_cls = _ExecutionContext

    @classmethod
    def get_pool_class(cls, url: sa.URL) -> type[Pool]:  # noqa: ARG003 (SQLAlchemy's)
        """A pool of connections to a file."""
        return AsyncAdaptedQueuePool

    def do_execute(
        self,
        cursor: Any,
        statement: str,
        parameters: Any,
        context: Any = None,  # noqa: ARG002 (SQLAlchemy's)
    ) -> None:
        """Execute, and await something: SQLAlchemy takes it for a mistake if nothing is awaited."""
        cursor.execute(statement, parameters)
        await_only(_nothing())

    def do_executemany(
        self,
        cursor: Any,
        statement: str,
        parameters: Any,
        context: Any = None,  # noqa: ARG002 (SQLAlchemy's)
    ) -> None:
        """The same for many rows."""
        cursor.executemany(statement, parameters)
        await_only(_nothing())

    def do_terminate(self, dbapi_connection: DBAPIConnection) -> None:
        """Close a connection that nobody has returned to the pool."""
        dbapi_connection.close()


async def _nothing() -> None:
    """Returns at once."""


class Turns:
    """The writers of a process, one after the other."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[float]:
        """The turn of one writer; gives the monotonic time until which it may wait for another process.

        Raises:
            TimeoutError: SQLAlchemy's; its turn did not come.
        """
        give_up = monotonic() + BUSY_TIMEOUT_S
        try:
            async with asyncio.timeout(BUSY_TIMEOUT_S):
                await self._lock.acquire()
        except TimeoutError:
            raise sa.exc.TimeoutError(f"other writers of this process took {BUSY_TIMEOUT_S:g} s") from None
        try:
            yield give_up
        finally:
            self._lock.release()


registry.register("sqlite.inline", __name__, InlineDialect.__name__)


def prepare(connection: DBAPIConnection, _record: Any) -> None:
    """Prepare a new connection.

    With WAL and `synchronous = NORMAL` what is committed survives the end of the process at any instant; a
    failure of power may take the last commits with it, and leaves the database whole.
    """
    connection.isolation_level = None  # the driver would begin transactions late; see `begin`
    cursor = connection.cursor()
    for pragma in (
        "journal_mode = WAL",
        "synchronous = NORMAL",
        "foreign_keys = ON",
        f"busy_timeout = {READ_TIMEOUT_MS}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def begin(connection: sa.Connection) -> None:
    """Begin a transaction.

    A writer takes its lock at once: one that began by reading could not upgrade and would fail as "busy".
    """
    driver: Any = connection.connection.driver_connection
    give_up: float | None = connection.get_execution_options().get(GIVE_UP)
    if give_up is None:
        driver.execute("BEGIN")
        return
    driver.execute("PRAGMA busy_timeout = 0")  # the wait of SQLite would stop the loop
    try:
        while not _try_to_begin(driver) and monotonic() < give_up:
            await_only(asyncio.sleep(random.uniform(0, MAX_PAUSE)))  # noqa: S311 (spreads load, guards nothing)
        if not driver.in_transaction:
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # fails again, as an error of SQLAlchemy
    finally:
        driver.execute(f"PRAGMA busy_timeout = {READ_TIMEOUT_MS}")


def _try_to_begin(driver: sqlite3.Connection) -> bool:
    """Whether no other writer has kept this one from its lock."""
    try:
        driver.execute("BEGIN IMMEDIATE")
    except sqlite3.Error as error:
        return error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY
    return True
