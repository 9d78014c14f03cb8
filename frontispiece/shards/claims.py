"""Which buckets the shards themselves say they have, and what follows where they disagree."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping

from frontispiece.http.problems import Problem
from frontispiece.shards.fence import COPY, FENCED, OPEN, Fence
from frontispiece.shards.map import BUCKETS, FIRST_EPOCH, ShardMap, format_buckets
from frontispiece.stores import Database

log = logging.getLogger(__name__)

Claims = Mapping[int, tuple[int, str]]
"""The epoch and the shard of each bucket, as far as one shard knows; see `Fence.claims`."""


async def read_claims(
    databases: Mapping[str, Database], fence: Fence
) -> tuple[dict[str, Claims], dict[str, Problem]]:
    """The claims of the shards that are there, by name; and why the others are not."""
    claims: dict[str, Claims] = {}
    away: dict[str, Problem] = {}
    for name, database in databases.items():
        try:
            async with database.read() as tx:
                claims[name] = await fence.claims(tx, name)
        except Problem as problem:
            away[name] = problem
    return claims, away


def newest_map(claims: Iterable[Claims], first: ShardMap) -> ShardMap:
    """The map that the shards' own tables give."""
    newest = {bucket: (FIRST_EPOCH, name) for bucket, name in enumerate(first.shards)}
    found: dict[int, tuple[int, str]] = {}
    for of_shard in claims:
        for bucket, claim in of_shard.items():
            found[bucket] = max(claim, found.get(bucket, claim))
    newest |= found
    epoch = max(epoch for epoch, _ in newest.values())
    return ShardMap(epoch=epoch, shards=tuple(newest[bucket][1] for bucket in range(BUCKETS)))


def _newest(bucket: int, claims: Iterable[Claims]) -> tuple[int, str]:
    return max(of_shard[bucket] for of_shard in claims if bucket in of_shard)


def claims_of(of: ShardMap) -> Claims:
    """The claims of a published map, which has all moves up to its epoch."""
    return {bucket: (of.epoch, shard) for bucket, shard in enumerate(of.shards)}


async def leave_to_others(shard: str, database: Database, fence: Fence, claims: Mapping[str, Claims]) -> None:
    """Mark the buckets of a shard that others have since a later epoch as copies.

    The shard was restored from a backup of before it handed them over.
    """
    later = defaultdict[tuple[int, str], list[int]](list)
    for bucket, (epoch, at) in claims[shard].items():
        newest = _newest(bucket, claims.values())
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


async def lost_buckets(
    shard: str, database: Database, fence: Fence, claims: Mapping[str, Claims]
) -> str | None:
    """Which buckets nobody has, since a shard was restored from a backup of before it received them."""
    async with database.read() as tx:
        own = await fence.claims(tx, shard)  # anew: what others have just given to it is incoming now
    newest = {bucket: _newest(bucket, [*claims.values(), own]) for bucket in own}
    lost = [bucket for bucket, (_, at) in own.items() if at != shard == newest[bucket][1]]
    if not lost:
        return None
    return (
        f"Nobody has buckets {format_buckets(lost)}: shard {shard} is as it was before it received them. "
        "docs/shards.md says how a shard gets them again."
    )


async def open_incoming(
    databases: Mapping[str, Database], fence: Fence, shard: str
) -> list[tuple[list[int], int]]:
    """Open the buckets that were given to a shard; returns them, and since which epoch they are there."""
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
