"""The fence: each shard's own database says which buckets it has, whatever anybody's map says.

A bucket is in one of five states in each shard:

    open      it is here
    fenced    it is here, and nothing may change it until `until`: its move is about to be decided
    away      it is not here; `peer` has it since `epoch`, as far as this shard knows
    copy      the same, and its rows are here, too: a move copies them to here
    incoming  it is here from `epoch` on, once `peer` has let go of it

The move of a bucket is decided by one commit of the shard that had it, from fenced to copy. A mover that is
killed before leaves a fence that ends by itself; one that is killed afterwards leaves a bucket that is
incoming at its new shard, and whoever comes there with that epoch opens it.
"""

import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from frontispiece.extras import extra
from frontispiece.shards.map import ShardMap
from frontispiece.stores import insert

with extra("sql"):
    import sqlalchemy as sa
    from sqlalchemy.ext.asyncio import AsyncConnection

OPEN: Final = "open"
FENCED: Final = "fenced"
AWAY: Final = "away"
COPY: Final = "copy"
INCOMING: Final = "incoming"


class StaleMap(Exception):
    """The bucket cannot be changed here now: take the newest map and try again.

    Args:
        bucket: that was to be changed.
        shard: that has it, as far as this shard knows; None for this one.
        epoch: since when that shard has it; 0 where it is not known.
    """

    def __init__(self, bucket: int, shard: str | None = None, epoch: int = 0) -> None:
        super().__init__(f"bucket {bucket} is {'moving' if shard is None else f'at {shard}'}")
        self.bucket = bucket
        self.shard = shard
        self.epoch = epoch


class NotHandedOver(Exception):
    """The buckets are not, or no longer, in the state in which they can be handed over."""


class Fence:
    """The table `buckets` of a shard's database; every method works in the caller's transaction.

    Args:
        metadata: of the database.

    Example:
        async with database.write() as tx:
            await fence.check(tx, bucket, epoch)
            await tx.execute(things.insert().values(id=thing, bucket=bucket))
    """

    def __init__(self, metadata: sa.MetaData) -> None:
        self.table = sa.Table(
            "buckets",
            metadata,
            sa.Column("bucket", sa.SmallInteger, primary_key=True, autoincrement=False),
            sa.Column("epoch", sa.BigInteger, nullable=False),
            sa.Column("state", sa.String(8), nullable=False),
            sa.Column("peer", sa.String(63), nullable=True),
            sa.Column("until", sa.BigInteger, nullable=True),  # microseconds of Unix time, one fence's own
        )
        table = self.table.c
        of_bucket = table.bucket == sa.bindparam("bucket")
        self._locked = sa.select(table.epoch).where(of_bucket, table.state == OPEN).with_for_update(read=True)
        self._row = sa.select(table.epoch, table.state, table.peer, table.until).where(of_bucket)
        expired = (table.state == FENCED) & (table.until < sa.bindparam("now", callable_=now))
        self.active = sa.select(table.bucket).where((table.state == OPEN) | expired)
        """The buckets that are here and are not fenced."""
        self.owned = sa.select(table.bucket).where(table.state.in_((OPEN, FENCED)))
        """The buckets that are here, fenced or not: a query over all shards sees each in one of them."""
        self.left = sa.select(table.bucket).where(table.state.in_((AWAY, COPY)))
        """The buckets that another shard has, as far as this one knows."""
        self._incoming = sa.select(self.table).where(table.state == INCOMING)

    async def check(self, tx: AsyncConnection, bucket: int, epoch: int | None) -> int:
        """Return the bucket's epoch; until the transaction ends the bucket is here and is not fenced.

        Args:
            tx: a write transaction.
            bucket: that it changes.
            epoch: of the map by which the caller came here; None for any.

        Raises:
            StaleMap: the bucket is not here, or fenced, or came here after that epoch.
        """
        found: int | None = await tx.scalar(self._locked, {"bucket": bucket})
        while found is None:
            await self._open(tx, bucket, epoch)
            found = await tx.scalar(self._locked, {"bucket": bucket})
        if epoch is not None and epoch < found:
            raise StaleMap(bucket, epoch=found)
        return found

    async def epoch(self, tx: AsyncConnection, bucket: int) -> int:
        """Since which epoch a bucket is here, or is not; 0 when it never was."""
        row = (await tx.execute(self._row, {"bucket": bucket})).one_or_none()
        return 0 if row is None else int(row.epoch)

    async def check_read(self, tx: AsyncConnection, bucket: int, epoch: int) -> int:
        """Return the bucket's epoch: it is here, fenced or not. As `check`, for those who only read."""
        return int((await self._here(tx, bucket, epoch)).epoch)

    async def incoming(self, tx: AsyncConnection) -> dict[tuple[str, int], list[int]]:
        """The buckets that come in, by the shard that has to let go of them and the epoch."""
        found: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
        for row in await tx.execute(self._incoming):
            found[row.peer, row.epoch].append(row.bucket)
        return found

    async def claims(self, tx: AsyncConnection, shard: str) -> dict[int, tuple[int, str]]:
        """Since which epoch which shard has a bucket, as far as this one knows; see `newest_map`."""
        rows = await tx.execute(sa.select(self.table).where(self.table.c.state != INCOMING))
        return {
            row.bucket: (row.epoch, shard if row.state in {OPEN, FENCED} else row.peer)
            for row in rows
            if row.peer is not None or row.state in {OPEN, FENCED}
        }

    async def fill(self, tx: AsyncConnection, shard: str, of: ShardMap) -> None:
        """Make the rows that are missing, by a map."""
        rows = [
            {
                "bucket": bucket,
                "epoch": of.epoch,
                "state": OPEN if name == shard else AWAY,
                "peer": None if name == shard else name,
            }
            for bucket, name in enumerate(of.shards)
        ]
        await tx.execute(insert(self.table, tx.dialect.name).on_conflict_do_nothing(), rows)

    async def _open(self, tx: AsyncConnection, bucket: int, epoch: int | None) -> None:
        """Open a bucket whose fence has ended, or which is here by the caller's map.

        Raises:
            StaleMap: neither is so.
        """
        row = await self._here(tx, bucket, epoch)
        if row.state == FENCED and row.until >= now():
            raise StaleMap(bucket)
        if row.state != OPEN:
            await self.open(tx, [bucket], row.epoch, row.state, row.until)

    async def _here(self, tx: AsyncConnection, bucket: int, epoch: int | None) -> Any:
        row = (await tx.execute(self._row, {"bucket": bucket})).one_or_none()
        if row is None:
            raise StaleMap(bucket)
        if row.state in {AWAY, COPY}:
            raise StaleMap(bucket, row.peer, row.epoch)
        if row.state == INCOMING and (epoch is None or epoch < row.epoch):
            raise StaleMap(bucket, row.peer, row.epoch - 1)
        return row

    # What a move does, in this order.

    async def admit(self, tx: AsyncConnection, buckets: Collection[int]) -> None:
        """Let the rows of buckets be copied to here.

        Raises:
            NotHandedOver: a bucket is here already.
        """
        table = self.table.c
        await tx.execute(self.table.update().where(self._of(buckets), table.state == AWAY).values(state=COPY))
        await self.expect_copy(tx, buckets)

    async def expect_copy(self, tx: AsyncConnection, buckets: Collection[int]) -> None:
        """Return when the rows of these buckets may be copied to here; that stays so in the transaction.

        Raises:
            NotHandedOver: they may not.
        """
        found = sa.select(self.table.c.bucket).where(
            self._of(buckets), self.table.c.state.in_((COPY, INCOMING))
        )
        if len((await tx.execute(found.with_for_update(read=True))).all()) != len(buckets):
            raise NotHandedOver("some of these buckets are not copied to here")

    async def receive(self, tx: AsyncConnection, buckets: Collection[int], epoch: int, peer: str) -> None:
        """Mark buckets as incoming from another shard, from an epoch on."""
        change = {"state": INCOMING, "epoch": epoch, "peer": peer}
        await self._change(tx, buckets, (COPY, INCOMING), change)

    async def fence(self, tx: AsyncConnection, buckets: Collection[int], epoch: int, seconds: float) -> int:
        """Let nothing change the buckets for some seconds; returns what `hand_over` needs.

        Raises:
            NotHandedOver: a bucket is not here, or is here since that epoch.
        """
        until = now() + int(seconds * 1_000_000)
        change = {"state": FENCED, "until": until}
        await self._change(tx, buckets, (OPEN, FENCED), change, self.table.c.epoch < epoch)
        return until

    async def unfence(self, tx: AsyncConnection, buckets: Collection[int], until: int) -> None:
        """End a fence, unless it has ended."""
        of_fence = self.table.c.state == FENCED, self.table.c.until == until
        statement = self.table.update().where(self._of(buckets), *of_fence)
        await tx.execute(statement.values(state=OPEN, until=None))

    async def hand_over(
        self, tx: AsyncConnection, buckets: Collection[int], until: int, epoch: int, peer: str
    ) -> None:
        """Give the buckets to another shard, from an epoch on: with this commit they are there.

        Raises:
            NotHandedOver: the fence has ended.
        """
        change = {"state": COPY, "epoch": epoch, "peer": peer, "until": None}
        await self._change(tx, buckets, (FENCED,), change, self.table.c.until == until)

    async def is_handed_over(self, tx: AsyncConnection, buckets: Collection[int], epoch: int) -> bool:
        """Whether the buckets were given to another shard, all at once, from an epoch on."""
        given = self.table.c.state == COPY, self.table.c.epoch == epoch
        query = sa.select(self.table.c.bucket).where(self._of(buckets), *given).limit(1)
        return await tx.scalar(query) is not None

    async def keep(self, tx: AsyncConnection, buckets: Collection[int], epoch: int) -> None:
        """Keep the buckets here from an epoch on: the hand-over of this epoch can no longer succeed.

        Raises:
            NotHandedOver: they were.
        """
        await self._change(tx, buckets, (OPEN, FENCED), {"state": OPEN, "epoch": epoch, "until": None})

    async def open(
        self,
        tx: AsyncConnection,
        buckets: Collection[int],
        epoch: int,
        state: str = INCOMING,
        until: int | None = None,
    ) -> None:
        """Open the buckets that are in a state since an epoch; others stay as they are."""
        table = self.table.c
        condition = table.state == state, table.epoch == epoch, table.until.is_not_distinct_from(until)
        statement = self.table.update().where(self._of(buckets), *condition)
        await tx.execute(statement.values(state=OPEN, peer=None, until=None))

    async def leave(self, tx: AsyncConnection, bucket: int, peer: str) -> bool:
        """Mark a bucket as away, in the transaction that deletes its rows: no more are copied to here.

        Args:
            tx: a write transaction.
            bucket: that is not here.
            peer: the shard that has it.

        Returns:
            Whether there may be rows to delete.
        """
        table = self.table.c
        copied = table.bucket == bucket, table.state.in_((COPY, INCOMING))
        left = await tx.execute(self.table.update().where(*copied).values(state=AWAY, peer=peer))
        return bool(left.rowcount)

    def _of(self, buckets: Collection[int]) -> sa.ColumnElement[bool]:
        return self.table.c.bucket.in_(buckets)

    async def _change(
        self,
        tx: AsyncConnection,
        buckets: Collection[int],
        states: Iterable[str],
        change: Mapping[str, Any],
        *conditions: sa.ColumnElement[bool],
    ) -> None:
        """Change the rows of all these buckets, or fail."""
        statement = self.table.update().where(self._of(buckets), self.table.c.state.in_(states), *conditions)
        if (await tx.execute(statement.values(**change))).rowcount != len(buckets):
            raise NotHandedOver(f"not all of these buckets are {' or '.join(states)}")


def now() -> int:
    """Microseconds of Unix time."""
    return time.time_ns() // 1000
