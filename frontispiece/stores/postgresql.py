"""Notifications between the processes of one PostgreSQL database: LISTEN and NOTIFY."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from frontispiece.extras import extra
from frontispiece.stores.sql import CONNECT_TIMEOUT_S, Database

with extra("postgresql"):
    import psycopg
    from psycopg import sql

RECONNECT_S: Final = 1.0
"""Seconds until the next attempt to connect."""


async def notifications(database: Database, channel: str) -> AsyncGenerator[None, None]:
    """One item for each notification of a channel, on a connection outside of the pool.

    One item for each connection, too: what was notified before it was made is lost.
    """
    arguments, options = database.engine.dialect.create_connect_args(database.engine.url)
    options = {**options, "autocommit": True, "connect_timeout": CONNECT_TIMEOUT_S}
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(*arguments, **options) as connection:
                await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
                yield
                async with aclosing(connection.notifies()) as received:
                    async for _ in received:
                        yield
        except psycopg.OperationalError:  # the server is away; the database's next transaction says so
            await asyncio.sleep(RECONNECT_S)
