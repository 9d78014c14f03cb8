"""The ids of orders: a new id contains its time and its bucket; old ones are UUIDs."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from frontispiece.shards import IdGenerator, bucket_of, time_of
from frontispiece.stores import Moment, insert


class OrderIds:
    """One id for each intent of a customer, kept before anything is done for the order.

    Every method works in the caller's transaction.
    """

    def __init__(self, metadata: sa.MetaData) -> None:
        self.table = sa.Table(
            "order_ids",
            metadata,
            sa.Column("intent", sa.String(36), primary_key=True),
            sa.Column("order_id", sa.String(36), nullable=False, unique=True),
            sa.Column("bucket", sa.SmallInteger, nullable=False, index=True),
            sa.Column("reserved_at", Moment, nullable=False, index=True),
        )
        self._insertions = {
            dialect: insert(self.table, dialect).on_conflict_do_nothing().returning(self.table.c.order_id)
            for dialect in ("postgresql", "sqlite")
        }
        self._found = sa.select(self.table.c.order_id).where(self.table.c.intent == sa.bindparam("intent"))

    async def find(self, tx: AsyncConnection, intent: str) -> str | None:
        """The id of an intent; None when it has none yet."""
        found: str | None = await tx.scalar(self._found, {"intent": intent})
        return found

    async def reserve(self, tx: AsyncConnection, intent: str, bucket: int, ids: IdGenerator) -> str:
        """The id of an intent: a new one, unless it has one."""
        found: str | None = None
        while found is None:  # again where another process had the same id
            id_ = ids.new(bucket)
            row = {"intent": intent, "order_id": id_, "bucket": bucket, "reserved_at": time_of(id_)}
            found = await tx.scalar(self._insertions[tx.dialect.name], row) or await self.find(tx, intent)
        return found


def as_stored(text: str) -> str | None:
    """An id as it is stored; None when no order has such an id."""
    if bucket_in(text) is not None:
        return text
    try:
        return str(UUID(text))
    except ValueError:
        return None


def bucket_in(order_id: str) -> int | None:
    """The bucket that an id contains; None for a UUID."""
    try:
        return bucket_of(order_id)
    except ValueError:
        return None
