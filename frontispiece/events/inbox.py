"""The inbox: ids of handled events, so that a second delivery changes nothing."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from frontispiece.events.envelope import AlreadyHandled, Event
from frontispiece.events.settings import MAX_RETENTION_DAYS
from frontispiece.extras import extra
from frontispiece.stores import Moment, delete_older, insert

with extra("sql"):
    import sqlalchemy as sa
    from sqlalchemy.ext.asyncio import AsyncConnection

RETENTION: Final = timedelta(days=MAX_RETENTION_DAYS + 1)
"""Longer than any stream keeps events: nothing older is redelivered."""

PRUNE_EVERY: Final = 128
"""Events between two deletions of old ids."""

PRUNE_LIMIT: Final = 2 * PRUNE_EVERY
"""Ids that a deletion takes at most: more than were recorded since the one before."""


class Inbox:
    """The ids of the events that a service has handled.

    Args:
        metadata: of the service's database, which gets a table `inbox`.
        retention: how long an id is kept; longer than the broker may deliver its event again.
        buckets: whether each id is kept with the bucket of what its event is about, whose rows may move to
            another database.

    Example:
        async def handle(event: Event[Added]) -> None:
            async with database.write() as tx:
                await inbox.record(tx, event)
                await tx.execute(things.insert().values(id=event.data.thing))
    """

    def __init__(
        self, metadata: sa.MetaData, *, retention: timedelta = RETENTION, buckets: bool = False
    ) -> None:
        self.retention = retention
        self._recorded = 0
        self.table = sa.Table(
            "inbox",
            metadata,
            sa.Column("source", sa.String(200), primary_key=True),
            sa.Column("id", sa.String(200), primary_key=True),
            sa.Column("recorded_at", Moment, nullable=False, index=True),
            *([sa.Column("bucket", sa.SmallInteger, index=True)] if buckets else ()),
        )
        self._insertions = {
            dialect: insert(self.table, dialect).on_conflict_do_nothing().returning(self.table.c.id)
            for dialect in ("postgresql", "sqlite")
        }

    async def record(self, tx: AsyncConnection, event: Event[Any], *, bucket: int | None = None) -> None:
        """Record an event within the write transaction of its change; before the change, which then waits.

        Raises:
            AlreadyHandled: an earlier delivery was handled; leave the transaction with it.
        """
        now = datetime.now(UTC)
        row = {"source": event.source, "id": event.id, "recorded_at": now}
        if bucket is not None:
            row["bucket"] = bucket
        if await tx.scalar(self._insertions[tx.dialect.name], row) is None:
            raise AlreadyHandled(event.id)
        if self._recorded % PRUNE_EVERY == 0:
            oldest = now - self.retention
            await delete_older(tx, self.table, self.table.c.recorded_at, oldest, PRUNE_LIMIT)
        self._recorded += 1
