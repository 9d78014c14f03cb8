"""A consumer at the broker for each shard: one that is away keeps no news from the others."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import partial
from typing import Self

from prometheus_client.registry import Collector

from frontispiece.events import EventSettings, Messaging
from frontispiece.service import CombinedCollector
from services.feed.events import OF_CATALOG, OF_INVENTORY
from services.feed.handlers import Handlers
from services.feed.shard import Shard


class Consumers:
    """Consumers named `feed-<shard>`; they run while the block does.

    Args:
        settings: of the broker.
        handlers: what they call, with their shard.
        shards: by name.
    """

    def __init__(self, settings: EventSettings, handlers: Handlers, shards: Mapping[str, Shard]) -> None:
        self._each = [
            Messaging(
                settings,
                service=f"feed-{name}",
                handlers=dict.fromkeys((*OF_CATALOG, *OF_INVENTORY), partial(handlers.happened, shard)),
            )
            for name, shard in shards.items()
        ]
        self._stack = AsyncExitStack()

    @property
    def collectors(self) -> tuple[Collector, ...]:
        """Their metrics, labelled by their names."""
        return tuple(
            CombinedCollector(same) for same in zip(*(each.collectors for each in self._each), strict=True)
        )

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            for each in self._each:
                await stack.enter_async_context(each)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._stack.aclose()
