"""Facts of catalog and inventory, turned into news of a brand."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from frontispiece.events import Event, EventData
from services.feed.events import PriceChanged, ProductAdded, Restocked
from services.feed.model import Kind, News, is_drop
from services.feed.shard import Shard
from services.feed.store import Store
from shop.articles import Articles
from shop.facts import Fact, Write


class Handlers:
    """Adds news to the store, and rebuilds it from facts; what comes twice changes nothing.

    Inventory knows no brands: catalog is asked for the brand of what is restocked.
    """

    def __init__(self, store: Store, articles: Articles) -> None:
        self._store = store
        self._articles = articles

    async def happened(self, shard: Shard, event: Event[EventData]) -> None:
        """Add the news that an event is, if it is any, to a shard."""
        for new in await self._news([Fact(data=event.data, id=event.id, time=event.time)]):
            await shard.add(new)

    @property
    def is_complete(self) -> bool:
        """Whether the store was ever rebuilt."""
        return self._store.is_complete

    async def opened(self) -> None:
        """Return when all shards are open."""
        await self._store.all_open()

    @asynccontextmanager
    async def replaying(self) -> AsyncIterator[Write]:
        """New data in the store, which the given function adds facts to; they serve after the block."""
        async with self._store.rebuilding() as write:

            async def write_facts(facts: Sequence[Fact]) -> None:
                await write(await self._news(facts))

            yield write_facts

    async def _news(self, facts: Sequence[Fact]) -> list[News]:
        """The news that these facts are."""
        restocked = [fact.data.sku for fact in facts if isinstance(fact.data, Restocked)]
        brands = await self._articles.brands(restocked) if restocked else {}
        return [new for fact in facts if (new := _of(fact, brands)) is not None]


def _of(fact: Fact, brands: dict[str, str]) -> News | None:
    assert fact.time is not None
    match fact.data:
        case ProductAdded() as added:
            return News(
                fact_id=fact.id,
                at=fact.time,
                kind=Kind.ADDED,
                brand=added.brand,
                sku=added.sku,
                amount=added.amount,
                currency=added.currency,
            )
        case PriceChanged() as price if price.brand and is_drop(
            price.amount, price.currency, price.amount_before, price.currency_before
        ):
            return News(
                fact_id=fact.id,
                at=fact.time,
                kind=Kind.PRICE_DROP,
                brand=price.brand,
                sku=price.sku,
                amount=price.amount,
                amount_before=price.amount_before,
                currency=price.currency,
            )
        case Restocked(sku=sku) if sku in brands:
            return News(fact_id=fact.id, at=fact.time, kind=Kind.RESTOCKED, brand=brands[sku], sku=sku)
    return None
