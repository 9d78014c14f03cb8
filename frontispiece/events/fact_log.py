"""A log of the events that a service has published, for services that need past ones again."""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from frontispiece.events.envelope import EventData, broker_subject
from frontispiece.extras import extra
from frontispiece.stores import Moment, delete_older

with extra("sql"):
    import sqlalchemy as sa
    from sqlalchemy.ext.asyncio import AsyncConnection

PRUNE_EVERY: Final = 128
"""Facts between two deletions of old ones."""

PRUNE_LIMIT: Final = 1000
"""Facts that a deletion takes at most."""


class FactLog:
    """The CloudEvents of some types in a service's outbox, stored for longer than until they are published.

    Args:
        metadata: of the service's database, which gets a table `facts`.
        types: the types of their data.
        retention: how long a fact is stored.

    Example:
        facts = FactLog(metadata, {Added}, retention=timedelta(days=30))
        outbox = Outbox(metadata, source="store", log=facts)
    """

    def __init__(
        self, metadata: sa.MetaData, types: Collection[type[EventData]], *, retention: timedelta
    ) -> None:
        self._subjects = {broker_subject(data) for data in types}
        self._retention = retention
        self._recorded = 0
        self._table = sa.Table(
            "facts",
            metadata,
            sa.Column("position", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
            sa.Column("added_at", Moment, nullable=False, index=True),
            sa.Column("body", sa.LargeBinary, nullable=False),
        )

    async def record(self, tx: AsyncConnection, rows: Iterable[dict[str, Any]]) -> None:
        """Store rows of the outbox, within the same transaction."""
        new = [
            {"added_at": row["added_at"], "body": row["body"]}
            for row in rows
            if row["broker_subject"] in self._subjects
        ]
        if not new:
            return
        await tx.execute(self._table.insert(), new)
        if self._recorded % PRUNE_EVERY + len(new) >= PRUNE_EVERY:
            oldest = datetime.now(UTC) - self._retention
            await delete_older(tx, self._table, self._table.c.added_at, oldest, PRUNE_LIMIT)
        self._recorded += len(new)

    async def read(self, tx: AsyncConnection, after: int, limit: int) -> Sequence[tuple[int, bytes]]:
        """The facts after a position, each with its own; the CloudEvents are in JSON.

        A fact that is committed after a later one was read is left out: it is published after that.
        """
        table = self._table.c
        query = sa.select(table.position, table.body).where(table.position > after)
        return [
            (row.position, row.body) for row in await tx.execute(query.order_by(table.position).limit(limit))
        ]
