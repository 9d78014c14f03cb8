"""Buckets whose mover was killed after their hand-over was decided: they are opened without it."""

from collections.abc import Mapping

from frontispiece.shards.fence import Fence
from frontispiece.stores import Database


async def open_incoming(
    databases: Mapping[str, Database], fence: Fence, shard: str
) -> list[tuple[list[int], int]]:
    """Open the buckets that were given to a shard; returns them, and since which epoch they are there.

    Args:
        databases: of all shards, open, by their names.
        fence: the table that each of them has.
        shard: that they were given to.
    """
    async with databases[shard].read() as tx:
        incoming = await fence.incoming(tx)
    opened = []
    for (peer, epoch), buckets in incoming.items():
        async with databases[peer].read() as tx:
            is_decided = await fence.is_handed_over(tx, buckets, epoch)
        if is_decided:
            async with databases[shard].write() as tx:
                await fence.open(tx, buckets, epoch)
            opened.append((buckets, epoch))
    return opened
