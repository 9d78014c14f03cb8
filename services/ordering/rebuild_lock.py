"""A lock for one rebuild at a time, which ends with its process, even when that is killed."""

import fcntl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from frontispiece.stores import Database

LOCK: Final = 727190
"""The advisory lock, on PostgreSQL; on SQLite a file beside the database is locked."""


class RebuildRunning(Exception):
    """Another rebuild of this read model is running."""

    def __init__(self) -> None:
        super().__init__("Another rebuild of this read model is running.")


@asynccontextmanager
async def rebuild_lock(database: Database) -> AsyncIterator[None]:
    """The lock, for the duration of the block.

    Raises:
        RebuildRunning: somebody has it.
    """
    if database.dialect == "sqlite":
        with _locked(Path(f"{database.engine.url.database}.rebuild")):
            yield
        return
    async with database.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        if not await connection.scalar(sa.select(sa.func.pg_try_advisory_lock(LOCK))):
            raise RebuildRunning
        try:
            yield
        finally:
            await connection.execute(sa.select(sa.func.pg_advisory_unlock(LOCK)))


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RebuildRunning from None
        yield
