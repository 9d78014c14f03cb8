"""SQLite on the event loop's own thread.

A statement takes microseconds; to hand it to another thread and back takes longer, and while the loop is busy
each way waits for the interpreter's lock. What may take long is the wait for another writer, which is the
event loop's: `begin_immediate` sleeps between its attempts. Commits do not sync (see `prepare`), checkpoints
do.
"""

import asyncio
import random
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import islice
from time import monotonic
from typing import Any, Final

from frontispiece.extras import extra

with extra("sql"):
    import sqlalchemy as sa
    from sqlalchemy.dialects import registry
    from sqlalchemy.dialects.sqlite.base import SQLiteExecutionContext
    from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
    from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
    from sqlalchemy.pool import PoolProxiedConnection
    from sqlalchemy.util.concurrency import await_only

DRIVER: Final = "sqlite+inline"
"""The name of the dialect in URLs."""

BUSY_TIMEOUT_S: Final = 30.0
"""How long a writer waits for others, of this process and of another one."""

MAX_PAUSE: Final = 0.01
"""Seconds between two attempts to become the writer, at most."""

READ_TIMEOUT_MS: Final = 5000
"""How long a statement waits, together with the loop, for a process that recovers or closes the file."""


class _Cursor(sqlite3.Cursor):
    """Gives its rows from memory once a statement has been executed: none stays open."""

    _rows: Iterator[Any] = iter(())

    def hold_rows(self) -> None:
        """Read all rows."""
        self._rows = iter(sqlite3.Cursor.fetchall(self))

    def fetchone(self) -> Any:
        """The next row, or None."""
        return next(self._rows, None)

    def fetchmany(self, size: int | None = 1) -> list[Any]:
        """So many rows, or those that are left."""
        return list(islice(self._rows, size or 1))

    def fetchall(self) -> list[Any]:
        """The rows that are left."""
        return list(self._rows)


class _ExecutionContext(SQLiteExecutionContext):
    def create_default_cursor(self) -> DBAPICursor:
        return self._dbapi_connection.cursor(_Cursor)

    def create_server_side_cursor(self) -> DBAPICursor:
        """A cursor whose rows are read as they are fetched."""
        return self._dbapi_connection.cursor()


class InlineDialect(SQLiteDialect_pysqlite):
    """SQLAlchemy's dialect of `sqlite3`, with transactions of our own."""

    driver = "inline"
    supports_statement_cache = True
    supports_server_side_cursors = True
    execution_ctx_cls = _ExecutionContext

    def do_begin(self, dbapi_connection: PoolProxiedConnection) -> None:
        """Begin a transaction, unless `begin_immediate` has."""
        driver: Any = dbapi_connection.driver_connection
        if not driver.in_transaction:
            driver.execute("BEGIN")

    def do_execute(
        self,
        cursor: Any,
        statement: str,
        parameters: Any,
        context: Any = None,  # noqa: ARG002 (SQLAlchemy's)
    ) -> None:
        """Execute; of a stream, await something: SQLAlchemy takes it for a mistake if nothing is awaited."""
        cursor.execute(statement, parameters)
        if not isinstance(cursor, _Cursor):
            await_only(_nothing())
        elif cursor.description is not None:
            cursor.hold_rows()


class InlineConnection(AsyncConnection):
    """A connection that executes in the stack of the task that awaits it.

    SQLAlchemy's own starts a greenlet for each call, which costs several times what SQLite needs.
    """

    async def execute(self, *args: Any, **options: Any) -> Any:
        """Execute a statement; see `AsyncConnection`."""
        return self._proxied.execute(*args, **options)

    async def exec_driver_sql(self, *args: Any, **options: Any) -> Any:
        """Execute a statement that is text."""
        return self._proxied.exec_driver_sql(*args, **options)

    async def scalar(self, *args: Any, **options: Any) -> Any:
        """The first column of the first row, or None."""
        return self._proxied.scalar(*args, **options)

    async def scalars(self, *args: Any, **options: Any) -> Any:
        """The first column of all rows."""
        return self._proxied.scalars(*args, **options)


class InlineEngine(AsyncEngine):
    """An asynchronous engine over one that is not: it has no driver that waits."""

    _connection_cls = InlineConnection

    def __init__(self, sync_engine: sa.Engine) -> None:
        self.sync_engine = self._assign_proxied(sync_engine)


def create_engine(url: sa.URL) -> InlineEngine:
    """The engine of a file; its connections are cheap, and nobody waits for one."""
    engine = sa.create_engine(url.set(drivername=DRIVER), max_overflow=-1)
    sa.event.listen(engine, "connect", prepare)
    return InlineEngine(engine)


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
    connection.isolation_level = None  # the driver would begin transactions late; see `do_begin`
    cursor = connection.cursor()
    for pragma in (
        "journal_mode = WAL",
        "synchronous = NORMAL",
        "foreign_keys = ON",
        f"busy_timeout = {READ_TIMEOUT_MS}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


async def begin_immediate(connection: sa.Connection, give_up: float) -> None:
    """Begin a writer's transaction, waiting for another process until `give_up`.

    It takes its lock at once: one that began by reading could not upgrade and would fail as "busy".

    Raises:
        DBAPIError: the lock is not to be had.
    """
    driver: Any = connection.connection.driver_connection
    driver.execute("PRAGMA busy_timeout = 0")  # the wait of SQLite would stop the loop
    try:
        while True:
            try:
                driver.execute("BEGIN IMMEDIATE")
            except sqlite3.Error as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or monotonic() > give_up:
                    raise sa.exc.DBAPIError("BEGIN IMMEDIATE", None, error) from error
            else:
                return
            await asyncio.sleep(random.uniform(0, MAX_PAUSE))  # noqa: S311 (spreads load, guards nothing)
    finally:
        driver.execute(f"PRAGMA busy_timeout = {READ_TIMEOUT_MS}")
