"""SQLite beneath a `Database`: how its connections are prepared, and that their threads end with it."""

import asyncio
from typing import TYPE_CHECKING, Any, Final

from frontispiece.extras import extra

with extra("sql"):
    import sqlalchemy as sa
    from sqlalchemy.engine.interfaces import DBAPIConnection

if TYPE_CHECKING:
    import aiosqlite

BUSY_TIMEOUT_MS: Final = 30_000
"""How long a writer waits for the one before it."""


class SqliteConnections:
    """The open connections to one file, each of which has a thread.

    A connection whose opening or closing is cancelled leaves its thread to end some time later, for which an
    event loop must still run: `close` waits for them all.
    """

    def __init__(self) -> None:
        self._connections: list[aiosqlite.Connection] = []

    def connect(self, *args: Any, **options: Any) -> "aiosqlite.Connection":
        """A connection, which is opened when it is awaited."""
        with extra("sql"):
            import aiosqlite  # noqa: PLC0415 (not for PostgreSQL)

        connection = aiosqlite.connect(*args, **options)
        connection._thread.daemon = True  # noqa: SLF001 (as SQLAlchemy does)
        self._connections = [*self._running(), connection]
        return connection

    def attach(self, engine: sa.Engine) -> None:
        """Prepare each connection of an engine, and begin and end its transactions."""
        sa.event.listen(engine, "connect", _prepare)
        sa.event.listen(engine, "begin", _begin)
        sa.event.listen(engine, "invalidate", _roll_back)

    async def close(self) -> None:
        """Close what is still open, and return when every thread has ended."""
        for connection in self._running():
            connection.stop()
            await asyncio.to_thread(connection._thread.join)  # noqa: SLF001 (the only thing to wait for)

    def _running(self) -> "list[aiosqlite.Connection]":
        return [connection for connection in self._connections if connection._thread.is_alive()]  # noqa: SLF001


def _prepare(connection: DBAPIConnection, _record: Any) -> None:
    connection.isolation_level = None  # the driver would begin transactions late; see _begin
    cursor = connection.cursor()
    for pragma in (
        "journal_mode = WAL",
        "synchronous = NORMAL",
        "foreign_keys = ON",
        f"busy_timeout = {BUSY_TIMEOUT_MS}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _roll_back(connection: DBAPIConnection, _record: Any, _error: BaseException | None) -> None:
    # The connection of a cancelled transaction is closed, but SQLite keeps its lock for as long as one of its
    # cursors lives, such as in a traceback: every other writer would wait.
    connection.rollback()


def _begin(connection: sa.Connection) -> None:
    # A writer takes its lock at once: one that began by reading could not upgrade and would fail as "busy".
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
