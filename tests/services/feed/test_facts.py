"""Facts of catalog and inventory become news over a real broker, and once more from their logs."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from frontispiece.events import EventSettings
from frontispiece.security import issuers, private_key
from frontispiece.settings import Directory, TokenSettings
from services.catalog.app import CatalogSettings
from services.catalog.app import create_app as create_catalog
from services.catalog.store import Store as Catalog
from services.feed.app import FeedSettings
from services.feed.app import create_app as create_feed
from services.feed.store import Store
from services.feed.tables import news, timelines
from services.inventory.app import InventorySettings
from services.inventory.app import create_app as create_inventory
from services.inventory.store import Store as Inventory
from tests.conftest import internal_bearer
from tests.services.catalog.goods import euros, product
from tests.services.support import problem_of, until_read
from tests.support.serving import client_of, servers

MORE = 20
"""More events than a consumer handles at a time."""

TIMELINE = "/timelines/reader-0?limit=99"
OWNERS = tuple(f"reader-{number}" for number in range(4))


async def counted(store: Store, shard: str) -> int:
    """The news of the owners of a shard, who all follow the same brand."""
    owner = next(each for each in OWNERS if store.of(each) is store.shards[shard])
    return sum(1 + item.others for item in (await store.of(owner).timeline(owner, 99)).items)


async def one_shard_is_away(store: Store, products: Catalog, folder: Path) -> None:
    """The other one gets its news meanwhile; it gets them afterwards."""
    before = await counted(store, "0")
    with closing(sqlite3.connect(folder / "feed-1.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")  # now the feed cannot write there
        for number in range(MORE):
            await products.put(product(f"CAP-{number}", "Brass cap"), None)
        await until_read(lambda: counted(store, "0"), is_=before + MORE)
        assert await counted(store, "1") == before
    await until_read(lambda: counted(store, "1"), is_=before + MORE)


async def lose_news(store: Store) -> None:
    """Lose all that was fanned out, and all news of one article."""
    for shard in store.shards.values():
        async with shard.database.write() as tx:
            await tx.execute(timelines.delete())
            await tx.execute(news.delete().where(news.c.sku == "NIB"))


async def test_news_come_of_facts_and_are_rebuilt_from_zero_by_the_same(
    event_settings: EventSettings, signing_key: str, tmp_path: Path
) -> None:
    tokens = TokenSettings(issuers=issuers([(n, private_key(signing_key)) for n in ("gateway", "feed")]))
    common: dict[str, Any] = {"events": event_settings, "tokens": tokens}

    def url(name: str) -> str:
        return f"sqlite:///{tmp_path}/{name}.db"

    catalog = create_catalog(CatalogSettings(database_url=url("catalog"), **common))
    inventory = create_inventory(InventorySettings(database_url=url("inventory"), **common))
    async with servers() as serve:
        services = {"catalog": await serve(catalog), "inventory": await serve(inventory)}
        products: Catalog = catalog.state.store
        stock: Inventory = inventory.state.store
        await products.add([product("PEN", "Zinc pen")])
        await stock.add([("PEN", 0)])
        new = await products.put(product("INK", "Iron ink"), None)  # before there is a feed
        assert new is not None
        feed = create_feed(
            FeedSettings.model_validate(
                {
                    "shards": {name: {"database_url": url(f"feed-{name}")} for name in "01"},
                    "fan_out_limit": 1,
                    "signing_key": signing_key,
                    "directory": Directory(services=services),
                    **common,
                }
            )
        )
        address = await serve(feed)
        store: Store = feed.state.store
        bearer = internal_bearer(signing_key, "feed")

        async def seen() -> set[tuple[tuple[str, str, int], ...]]:
            """The timelines of all, which are one while all are equal."""
            found = [await store.of(owner).timeline(owner, 99) for owner in OWNERS]
            return {tuple((item.kind, item.sku, item.others) for item in each.items) for each in found}

        async with client_of(address) as client:
            for owner in OWNERS:
                path = f"/follows/{owner}/{new.product.brand.id}"
                assert (await client.put(path, headers=bearer(owner, "shop"))).status_code == 200
            unknown = await client.put(f"/follows/{owner}/nobody", headers=bearer(owner, "shop"))
            assert problem_of(unknown) == (404, "brand-unknown")
            before = (await products.find(["PEN"]))["PEN"]
            await products.put(replace(before.product, price=euros(1)), before.version)
            await until_read(seen, is_={(("price_drop", "PEN", 0), ("added", "INK", 0))})
            await stock.count("PEN", 5, 1)
            await until_read(
                seen, is_={(("restocked", "PEN", 0), ("price_drop", "PEN", 0), ("added", "INK", 0))}
            )
            await products.put(replace(before.product, price=euros(2)), before.version + 1)  # a rise
            complete = {(*next(iter(await seen()))[:-1], ("added", "INK", 1))}  # both are one line
            await products.put(product("NIB", "Steel nib"), None)
            await until_read(seen, is_=complete)

            await one_shard_is_away(store, products, tmp_path)
            complete = await seen()

            reader = bearer("reader-0", "shop")
            rows = (await client.get(TIMELINE, headers=reader)).json()
            read = {"up_to": rows["items"][1]["id"]}
            answer = await client.put("/timelines/reader-0/read", json=read, headers=reader)
            assert answer.json() == {"unread": 1}
            await lose_news(store)
            assert await seen() != complete
            assert (await client.put("/rebuild", headers=bearer("clerk", "data:rebuild"))).status_code == 204
            await until_read(seen, is_=complete)
            again = (await client.get(TIMELINE, headers=reader)).json()
            assert again == {**rows, "unread": 1, "read_up_to": read["up_to"]}, "the same ids once more"
