"""What feed keeps: shards, each with the owners of some buckets."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from frontispiece.shards import ShardMap, ShardSet, bucket_for, format_buckets
from services.feed.model import News
from services.feed.shard import Shard

Write = Callable[[Iterable[News]], Awaitable[None]]


class Store(ShardSet[Shard]):
    """The shards; open it with `async with`.

    Args:
        urls: of the shards' databases, by name.
        limit: followers of a brand in one shard up to which its news are fanned out on write.
        now: the current time.

    Raises:
        ConfigError: a database has other owners than its shard; when it is opened.
    """

    def __init__(
        self,
        urls: Mapping[str, str],
        *,
        limit: int,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._map = ShardMap.even(urls)
        shards = {
            name: Shard(url, limit=limit, place=format_buckets(self._map.buckets_of(name)), now=now)
            for name, url in urls.items()
        }
        super().__init__("feed", shards)

    def of(self, owner: str) -> Shard:
        """The shard that has an owner."""
        return self.shards[self._map.shard_of(bucket_for(owner))]

    @property
    def is_complete(self) -> bool:
        """Whether the news of all shards were ever rebuilt, and no rebuild was killed."""
        return all(shard.is_complete for shard in self.shards.values())

    @asynccontextmanager
    async def rebuilding(self) -> AsyncIterator[Write]:
        """New data in all shards, which the given function adds news to; they serve after the block."""
        building = [(shard, await shard.begin_rebuild()) for shard in self.shards.values()]

        async def write(found: Iterable[News]) -> None:
            for new in found:
                for shard, generation in building:
                    await shard.add(new, only=generation)

        yield write
        for shard, generation in building:
            await shard.end_rebuild(generation)

    async def forget(self) -> None:
        """Delete news that are too old or of before a rebuild, with pauses in which others write."""
        for shard in self.shards.values():
            while await shard.forget():
                pass
