"""Buckets that a shard has given away and, restored from a copy of before, has again."""

import logging
from collections import defaultdict
from collections.abc import Mapping

from frontispiece.shards.fence import COPY, FENCED, OPEN, Fence
from frontispiece.shards.map import format_buckets
from frontispiece.stores import Database

log = logging.getLogger(__name__)

Claims = Mapping[int, tuple[int, str]]


async def leave_to_others(shard: str, database: Database, fence: Fence, claims: Mapping[str, Claims]) -> None:
    """Leave the buckets of a shard to others that have them since a later epoch.

    Args:
        shard: its name.
        database: of the shard.
        fence: the table that it has.
        claims: of all shards, by name: see `Fence.claims`.
    """
    later = defaultdict[tuple[int, str], list[int]](list)
    for bucket, (epoch, at) in claims[shard].items():
        newest = max(of_shard[bucket] for of_shard in claims.values() if bucket in of_shard)
        if at == shard != newest[1] and epoch < newest[0]:
            later[newest].append(bucket)
    table = fence.table
    for (epoch, peer), buckets in later.items():
        here = table.c.bucket.in_(buckets), table.c.state.in_((OPEN, FENCED)), table.c.epoch < epoch
        change = {"state": COPY, "epoch": epoch, "peer": peer, "until": None}
        async with database.write() as tx:
            left = (await tx.execute(table.update().where(*here).values(**change))).rowcount
        if left:  # else they have just moved
            log.error(
                "Shard %s is as it was before it gave buckets %s to shard %s, where they stay.",
                shard,
                format_buckets(buckets),
                peer,
            )
