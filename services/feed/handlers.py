"""What facts of catalog and inventory are as news of a brand."""

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
    """Adds news to the store; what comes twice changes nothing.

    Inventory knows no brands: catalog is asked for the brand of what is restocked.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.articles: Articles | None = None
        """Catalog, once it is connected."""

    async def happened(self, shard: Shard, event: Event[EventData]) -> None:
        """Add the news of an event to a shard, if it is any."""
        for new in await self._news([Fact(data=event.data, id=event.id, time=event.time)]):
            await shard.add(new)

    # As `shop.facts.Rebuildable`:

    @property
    def is_complete(self) -> bool:
        """Whether the store was ever rebuilt."""
        return self._store.is_complete

    async def opened(self) -> None:
        """Return when all shards are open."""
        await self._store.all_open()

    @asynccontextmanager
    async def rebuilding(self) -> AsyncIterator[Write]:
        """The store anew."""
        async with self._store.rebuilding() as write:

            async def write_facts(facts: Sequence[Fact]) -> None:
                await write(await self._news(facts))

            yield write_facts

    async def _news(self, facts: Sequence[Fact]) -> list[News]:
        """The news that these facts are."""
        restocked = [fact.data.sku for fact in facts if isinstance(fact.data, Restocked)]
        brands: dict[str, str] = {}
        if restocked:
            assert self.articles is not None
            brands = await self.articles.brands(restocked)
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
