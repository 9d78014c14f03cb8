"""Signals of commits to those who wait for them, in this process and in others."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from frontispiece.extras import extra
from frontispiece.stores.sql import Database, after_commit

with extra("sql"):
    import sqlalchemy as sa
    from sqlalchemy.ext.asyncio import AsyncConnection

Wake = Callable[[], None]


class CommitSignal:
    """A signal that commits of one kind give, such as those that add rows to a queue.

    In this process they call back; on PostgreSQL they notify all processes with the same database.

    Args:
        channel: its name among PostgreSQL's notifications.

    Example:
        added = CommitSignal("queue")

        async with database.write() as tx:  # on PostgreSQL some statement selects `added.notification`
            await tx.execute(queue.insert().values(id=1))
            added.after_commit(tx)

        async with added.wakes(database, waiting.set):
            await waiting.wait()
    """

    def __init__(self, channel: str) -> None:
        self._channel = channel
        self._wakes: WeakKeyDictionary[sa.Engine, list[Wake]] = WeakKeyDictionary()

    @property
    def notification(self) -> sa.ColumnElement[Any]:
        """The call that notifies other processes at the commit, to be selected on PostgreSQL."""
        return sa.func.pg_notify(self._channel, "")

    def after_commit(self, tx: AsyncConnection) -> None:
        """Wake this process once a transaction of `Database.write` is committed."""
        after_commit(tx, partial(self._wake, tx.sync_engine))

    @asynccontextmanager
    async def wakes(self, database: Database, wake: Wake) -> AsyncIterator[None]:
        """Call `wake` after each such commit to a database while the block runs."""
        wakes = self._wakes.setdefault(database.engine.sync_engine, [])
        wakes.append(wake)
        try:
            async with asyncio.TaskGroup() as tasks:
                if database.dialect == "postgresql":
                    listening = tasks.create_task(self._listen(database, wake))
                    try:
                        yield
                    finally:
                        listening.cancel()
                else:
                    yield
        finally:
            wakes.remove(wake)

    async def _listen(self, database: Database, wake: Wake) -> None:
        from frontispiece.stores.postgresql import notifications  # noqa: PLC0415 (an extra)

        async for _ in notifications(database, self._channel):
            wake()

    def _wake(self, engine: sa.Engine) -> None:
        for wake in self._wakes.get(engine, ()):
            wake()
