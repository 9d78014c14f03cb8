"""PostgreSQL: connections that never hang, and notifications between the processes of one database."""

import asyncio
import select
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final, TypeVar

from frontispiece.extras import extra

with extra("postgresql"):
    import psycopg
    import sqlalchemy as sa
    from psycopg import sql, waiting
    from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

if TYPE_CHECKING:
    from psycopg.abc import PQGen

    from frontispiece.stores.sql import Database

Result = TypeVar("Result")

CONNECT_TIMEOUT_S: Final = 5
"""How long a server may take to accept a connection."""

RECONNECT_S: Final = 1.0
"""Seconds until the next attempt to connect."""

END_ABANDONED: Final = "SET client_connection_check_interval = '1s'"
"""The server ends the statement of a client that has closed its connection."""


class BoundedConnection(psycopg.AsyncConnection[Any]):
    """A connection that is closed when a statement takes too long, or its task is cancelled.

    The driver's own would ask the server to cancel the statement, and wait ten seconds for one that hangs.
    """

    statement_timeout: float | None = None
    """Seconds that the server may take."""

    async def wait(
        self,
        gen: "PQGen[Result]",
        interval: float = 0.1,
        timeout: float | None = None,  # noqa: ASYNC109 (the driver's)
    ) -> Result:
        """Wait for a statement.

        Raises:
            OperationalError: the server has taken too long.
        """
        try:
            async with asyncio.timeout(timeout or self.statement_timeout):
                return await waiting.wait_async(gen, self.pgconn.socket, interval=interval)
        except TimeoutError:
            self.pgconn.finish()
            raise psycopg.OperationalError("the server did not respond in time") from None
        except asyncio.CancelledError:
            self.pgconn.finish()
            raise


def create_engine(url: sa.URL, statement_timeout: float) -> AsyncEngine:
    """An engine of few connections, none of which waits longer for a statement, in seconds."""

    async def connect(*arguments: Any, **options: Any) -> BoundedConnection:
        connection = await BoundedConnection.connect(*arguments, **options)
        connection.statement_timeout = statement_timeout
        await connection.execute(END_ABANDONED)
        await connection.commit()
        return connection

    arguments = {"connect_timeout": CONNECT_TIMEOUT_S, "async_creator_fn": connect}
    engine = create_async_engine(url, pool_size=5, max_overflow=0, connect_args=arguments)
    sa.event.listen(engine.sync_engine, "checkout", _replace_broken)
    return engine


async def connect(engine: AsyncEngine) -> BoundedConnection:
    """A connection outside of an engine's pool to its database; each statement is a transaction."""
    arguments, options = engine.dialect.create_connect_args(engine.url)
    options = {**options, "autocommit": True, "connect_timeout": CONNECT_TIMEOUT_S}
    return await BoundedConnection.connect(*arguments, **options)


async def notifications(database: "Database", channel: str) -> AsyncGenerator[None, None]:
    """One item for each notification of a channel, on a connection outside of the pool.

    One item for each connection, too: what was notified before it was made is lost.
    """
    while True:
        try:
            async with await connect(database.engine) as connection:
                await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
                yield
                async with aclosing(connection.notifies()) as received:
                    async for _ in received:
                        yield
        except psycopg.OperationalError:  # the server is away; the database's next transaction says so
            await asyncio.sleep(RECONNECT_S)


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
