"""The base of stores with an SQL database."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import ClassVar, Self

from frontispiece.extras import extra
from frontispiece.stores.sql import Database

with extra("sql"):
    import sqlalchemy as sa
    from sqlalchemy.dialects import postgresql, sqlite
    from sqlalchemy.ext.asyncio import AsyncConnection


def insert(table: "sa.Table", dialect: str) -> "postgresql.Insert | sqlite.Insert":
    """An INSERT that can have an ON CONFLICT clause.

    Args:
        table: that gets rows.
        dialect: `postgresql` or `sqlite`, such as `Database.dialect`.
    """
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


async def delete_older(
    tx: AsyncConnection, table: sa.Table, time: sa.Column[datetime], before: datetime, limit: int
) -> None:
    """Delete the oldest rows from before a time, so many at most.

    Another process may do the same: neither waits for the other.
    """
    key = sa.tuple_(*table.primary_key)
    old = sa.select(*table.primary_key).where(time < before).order_by(time).limit(limit)
    await tx.execute(table.delete().where(key.in_(old.with_for_update(skip_locked=True))))


class SqlStore:
    """The base of a service's store: one database, opened with `async with`.

    Args:
        url: of the database.
        replicas: the URLs of its replicas.
        now: the current time.
    """

    main_table: ClassVar[sa.Table]
    """Has rows unless the store is empty; its metadata are those of the database."""

    migrations: ClassVar[str | None] = None
    """The package with the versions of the database."""

    def __init__(
        self,
        url: str,
        *,
        replicas: Sequence[str] = (),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.database = Database(url, self.main_table.metadata, self.migrations, replicas)
        self._now = now

    async def __aenter__(self) -> Self:
        await self.database.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.database.__aexit__(*exc)

    async def ping(self) -> None:
        """Return when the database is reachable; else raise a `Problem`, 503."""
        await self.database.ping()

    async def is_empty(self) -> bool:
        """Whether the main table has no rows."""
        async with self.database.read() as tx:
            return (await tx.execute(sa.select(self.main_table).limit(1))).first() is None

    def _insert(self, table: sa.Table) -> "postgresql.Insert | sqlite.Insert":
        """An INSERT that can have an ON CONFLICT clause."""
        return insert(table, self.database.dialect)
