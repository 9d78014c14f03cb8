"""Read replicas of a PostgreSQL database: what each of them has seen, and the choice of one for a read.

A position is a place in the server's log (an LSN) as a number. The primary's position is noted with the time
when it was asked for; a replica that has replayed what was noted at a time has seen all that was committed
before. So its lag needs neither a common clock nor a table, and a replica that is cut off from the primary is
found as well as a slow one. While the primary is away, its replicas are as current as can be known.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from frontispiece.extras import extra
from frontispiece.stores.postgresql import connect

with extra("postgresql"):
    import psycopg
    import sqlalchemy as sa
    from sqlalchemy.exc import SQLAlchemyError
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

log = logging.getLogger(__name__)

OF_PRIMARY: Final = "SELECT (pg_current_wal_flush_lsn() - '0/0')::bigint"
OF_REPLICA: Final = "SELECT (pg_last_wal_replay_lsn() - '0/0')::bigint"
AFTER_COMMIT: Final = "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint"
"""The query for a position of the primary that has all that was committed before."""

INTERVAL: Final = 0.1
"""Seconds between two questions for a server's position."""

RESPONSE_TIMEOUT: Final = 1.0
"""Seconds until a server that does not answer counts as away."""


@dataclass(slots=True)
class Replica:
    """A replica, and its position when it was last asked; None while it is away."""

    engine: AsyncEngine
    name: str
    position: int | None = None
    in_use: bool = False
    """Whether it was logged last that it serves reads."""


class Replicas:
    """The replicas of one database, with their positions as long as `watched`.

    Args:
        max_lag: seconds; a replica that lags further behind serves no reads.
    """

    def __init__(self, primary: AsyncEngine, replicas: Sequence[AsyncEngine], max_lag: float) -> None:
        self._primary = primary
        self._replicas = [Replica(engine, str(engine.url)) for engine in replicas]
        self._max_lag = max_lag
        self._noted: deque[tuple[float, int]] = deque()
        """The primary's positions of the last seconds, oldest first."""
        self._next = 0

    async def position(self, primary: AsyncConnection) -> int:
        """The position that has all that was committed before."""
        position: int = (await primary.execute(sa.text(AFTER_COMMIT))).scalar_one()
        return position

    def usable(self, min_position: int) -> list[Replica]:
        """The replicas that have a position and do not lag; each time another one is the first."""
        found = [each for each in self._replicas if self._has(each, min_position)]
        self._next += 1
        first = self._next % max(len(found), 1)
        return found[first:] + found[:first]

    def _has(self, replica: Replica, min_position: int) -> bool:
        if replica.position is None or not self._noted:
            return False
        return replica.position >= max(min_position, self._noted[0][1])

    async def connect(self, stack: AsyncExitStack, min_position: int) -> AsyncConnection | None:
        """A connection to one of these, closed with the stack; None when there is none."""
        for replica in self.usable(min_position):
            try:
                return await stack.enter_async_context(replica.engine.connect())
            except SQLAlchemyError:  # until its position is known anew
                replica.position = None
        return None

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Ask for the positions while the block runs; at the end the replicas' connections are closed."""
        async with asyncio.TaskGroup() as tasks:
            watching = [
                tasks.create_task(self._watch(self._primary, OF_PRIMARY, None)),
                *(tasks.create_task(self._watch(each.engine, OF_REPLICA, each)) for each in self._replicas),
            ]
            try:
                yield
            finally:
                for task in watching:
                    task.cancel()
                for replica in self._replicas:
                    await replica.engine.dispose()

    async def _watch(self, engine: AsyncEngine, query: str, replica: Replica | None) -> None:
        """Note a server's position again and again; without `replica` it is the primary."""
        while True:
            try:
                async with await connect(engine) as connection:
                    connection.statement_timeout = RESPONSE_TIMEOUT
                    while True:
                        row: Any = await (await connection.execute(query)).fetchone()
                        if replica is None:
                            self._note(row[0])
                        else:
                            replica.position = row[0]  # None: it is a primary, and no replica of ours
                            self._report(replica)
                        await asyncio.sleep(INTERVAL)
            except psycopg.Error:
                if replica is not None:
                    replica.position = None
                    self._report(replica)
                await asyncio.sleep(INTERVAL)

    def _note(self, position: int) -> None:
        now = time.monotonic()
        self._noted.append((now, position))
        while self._noted[0][0] < now - self._max_lag:
            self._noted.popleft()

    def _report(self, replica: Replica) -> None:
        """Log that a replica begins to serve reads, or serves none any more."""
        in_use = self._has(replica, 0)
        if in_use != replica.in_use:
            replica.in_use = in_use
            level, state = (logging.INFO, "serves reads") if in_use else (logging.WARNING, "lags or is away")
            log.log(level, "The replica %s %s", replica.name, state)
