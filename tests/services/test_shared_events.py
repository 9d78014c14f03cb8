"""Basket and discount learn from ordering and catalog over a real broker what changes for their customers."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from frontispiece.events import EventData, EventSettings, Messaging, Outbox
from frontispiece.settings import Directory, TokenSettings
from frontispiece.stores import Database
from services.basket.app import BasketSettings
from services.basket.app import create_app as create_basket
from services.basket.model import ArticlesUnknown
from services.basket.store import Store as Baskets
from services.catalog.app import CatalogSettings
from services.catalog.app import create_app as create_catalog
from services.catalog.store import Store as Catalog
from services.discount.app import DiscountSettings
from services.discount.app import create_app as create_discount
from services.discount.model import Coupon, CouponUsed, Terms
from services.discount.store import Store as Discounts
from services.ordering import events as ordering
from services.ordering.model import OrderLine
from shop.articles import Articles
from tests.services.catalog.goods import euros, product
from tests.services.support import until_read
from tests.support.serving import servers


@dataclass(frozen=True, kw_only=True)
class Shop:
    """Catalog, basket and discount, which run, and ordering's outbox."""

    catalog: Catalog
    catalog_url: str
    baskets: Baskets
    discounts: Discounts
    database: Database
    outbox: Outbox

    async def ordered(self, data: EventData) -> None:
        """Publish an event of ordering."""
        async with self.database.write() as tx:
            await self.outbox.add(tx, data, subject="o1")

    async def quantities(self) -> dict[str, int]:
        return (await self.baskets.basket("reader")).quantities

    async def price(self) -> int | None:
        [line] = (await self.baskets.basket("reader")).lines
        return None if line.current_price is None else line.current_price.amount


@pytest.fixture
async def shop(
    *, event_settings: EventSettings, token_settings: TokenSettings, valkey_url: str, tmp_path: Path
) -> AsyncIterator[Shop]:
    common: dict[str, Any] = {"events": event_settings, "tokens": token_settings}

    def url(name: str) -> str:
        return f"sqlite:///{tmp_path}/{name}.db"

    metadata = sa.MetaData()
    outbox = Outbox(metadata, source="ordering")
    catalog = create_catalog(CatalogSettings(database_url=url("catalog"), **common))
    discount = create_discount(
        DiscountSettings(database_url=url("discount"), grpc_listen="127.0.0.1:0", **common)
    )
    async with (
        servers() as serve,
        Database(url("ordering"), metadata) as database,
        Messaging(event_settings, service="ordering", database=database, outbox=outbox),
    ):
        address = await serve(catalog)
        basket = create_basket(
            BasketSettings(
                valkey_url=valkey_url,
                timeout=60,
                directory=Directory(services={"catalog": address}),
                **common,
            )
        )
        await serve(basket)
        await serve(discount)
        await catalog.state.store.add([product("PEN", "Zinc pen")])
        yield Shop(
            catalog=catalog.state.store,
            catalog_url=address,
            baskets=basket.state.store,
            discounts=discount.state.store,
            database=database,
            outbox=outbox,
        )


async def put_pens(shop: Shop, quantity: int) -> int:
    """The version of the reader's basket with so many pens."""
    async with Articles(Directory(services={"catalog": shop.catalog_url}), 60) as articles:
        await shop.baskets.learn(await articles.prices(["PEN"], []))
    return (await shop.baskets.put("reader", "PEN", quantity)).version


async def test_changed_prices_and_removed_products_reach_the_baskets(shop: Shop) -> None:
    await put_pens(shop, 2)
    before = (await shop.catalog.find(["PEN"]))["PEN"]
    changed = await shop.catalog.put(replace(before.product, price=euros(12)), before.version)
    assert changed is not None
    await until_read(shop.price, is_=1200)

    await shop.catalog.remove("PEN", changed.version)
    await until_read(shop.price, is_=None)
    with pytest.raises(ArticlesUnknown):
        await shop.baskets.put("reader", "PEN", 3)


async def test_a_placed_order_keeps_its_lines_and_its_coupon_and_a_cancelled_one_gives_them_back(
    shop: Shop,
) -> None:
    await shop.discounts.add([Terms(sku="PEN", percent=10, coupon="ONCE", description="")])
    await shop.discounts.put_coupon(Coupon(code="ONCE", uses_per_customer=1))
    version = await put_pens(shop, 2)
    await shop.baskets.claim("reader", "o1", version)
    await shop.baskets.release(
        "reader", "o1"
    )  # as when its time is over before ordering has placed the order

    line = OrderLine(sku="PEN", name="Zinc pen", quantity=2, unit_price=1000, percent_off=10)
    await shop.ordered(
        ordering.OrderPlaced(
            order_id="o1",
            owner="reader",
            lines=(line,),
            currency="EUR",
            total=1800,
            coupon="ONCE",
            basket_version=version,
            placed_at=datetime(2026, 5, 1, tzinfo=UTC),
        )
    )
    await until_read(shop.quantities, is_={})
    await until_read(lambda: redeemed(shop, "o2"), is_=False)

    await shop.ordered(
        ordering.OrderCancelled(
            order_id="o1",
            owner="reader",
            reason="out-of-stock",
            lines=(ordering.Line(sku="PEN", quantity=2),),
            restore_basket=True,
            coupon="ONCE",
        )
    )
    await until_read(shop.quantities, is_={"PEN": 2})
    await until_read(lambda: redeemed(shop, "o2"), is_=True)


async def redeemed(shop: Shop, order_id: str) -> bool:
    try:
        await shop.discounts.redeem("reader", "ONCE", order_id)
    except CouponUsed:
        return False
    return True
