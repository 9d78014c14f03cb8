"""What services make of the facts of orders: of ordering's log at first, over the broker since, and anew."""

import asyncio
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from frontispiece.events import EventSettings
from frontispiece.security import issuers, private_key
from frontispiece.settings import Directory, TokenSettings
from services.ordering.app import OrderingSettings
from services.ordering.app import create_app as create_ordering
from services.ordering.read_store import ReadStore
from services.recommendation.app import RecommendationSettings
from services.recommendation.app import create_app as create_recommendation
from services.recommendation.events import Line
from services.recommendation.events import OrderCompleted as Bought
from services.recommendation.graph import Graph
from services.recommendation.store import Store as Graphs
from services.sales.app import SalesSettings
from services.sales.app import create_app as create_sales
from services.sales.columns import Columns
from services.sales.events import OrderCompleted
from services.sales.model import Grouping
from services.sales.store import Store as Sales
from tests.conftest import internal_bearer
from tests.services.ordering.orders import one_shard, opened, write
from tests.support.apps import NOWHERE
from tests.support.serving import client_of, servers
from tests.support.waiting import TIMEOUT, until

BEFORE = 120
"""Orders that were there before: more than come in one response, and the broker has forgotten their facts."""


def completed(orders: int) -> set[tuple[str, str]]:
    """The edges of so many orders: each third one is completed."""
    return {(f"customer{number}", "PEN") for number in range(0, orders, 3)}


async def edges(store: Graphs) -> set[tuple[str, str]]:
    return await store.read(Graph.edges)


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """What sales and ordering's read model both say of all orders."""

    placed: int
    completed: int
    cancelled: int
    revenue: int


async def of_sales(store: Sales) -> Ledger:
    [total] = (await store.report(date(2026, 1, 1), date(2099, 1, 1)))[Grouping.TOTAL]
    return Ledger(**{name: getattr(total, name) for name in Ledger.__dataclass_fields__})


async def of_ordering(store: ReadStore) -> Ledger:
    days = await store.totals("2026-01-01")
    return Ledger(**{name: sum(getattr(day, name) for day in days) for name in Ledger.__dataclass_fields__})


async def test_graph_and_columns_are_made_of_all_orders_when_they_are_new_and_again_on_request(
    event_settings: EventSettings, signing_key: str, tmp_path: Path
) -> None:
    names = ("gateway", "recommendation", "sales")
    tokens = TokenSettings(issuers=issuers([(name, private_key(signing_key)) for name in names]))
    common: dict[str, Any] = {"events": event_settings, "tokens": tokens, "signing_key": signing_key}
    nowhere = dict.fromkeys(("catalog", "basket", "shipping", "pickup"), f"http://{NOWHERE}")
    url, read_url = (f"sqlite:///{tmp_path}/{name}.db" for name in ("ordering", "read"))
    ordering = create_ordering(
        OrderingSettings(
            shards=one_shard(url, read_url),
            directory=Directory(services={**nowhere, "discount-grpc": NOWHERE}),
            **common,
        )
    )
    async with opened(url) as orders:
        for number in range(BEFORE):
            await write(orders, number, publish=False)
    async with servers() as serve, ReadStore(read_url) as read_model:
        common["directory"] = Directory(services={"ordering": await serve(ordering)})
        recommendation = create_recommendation(RecommendationSettings(folder=tmp_path / "graph", **common))
        sales = create_sales(SalesSettings(folder=tmp_path / "columns", **common))
        apps = {"recommendation": recommendation, "sales": sales}
        urls = {name: await serve(app) for name, app in apps.items()}
        graphs: Graphs = recommendation.state.store
        columns: Sales = sales.state.store
        await until(lambda: graphs.is_complete and columns.is_complete)
        assert await edges(graphs) == completed(BEFORE)
        assert await of_sales(columns) == Ledger(placed=120, completed=40, cancelled=40, revenue=40 * 1090)

        for number in range(BEFORE, BEFORE + 6):
            await write(ordering.state.store.by_name["0"].orders, number)
        async with asyncio.timeout(TIMEOUT):
            while await edges(graphs) != completed(BEFORE + 6):
                pass
            while await of_sales(columns) != await of_ordering(read_model):
                pass
        assert await of_sales(columns) == Ledger(placed=126, completed=42, cancelled=42, revenue=42 * 1090)

        rows = await columns.read(Columns.rows)
        await graphs.read(lambda graph: graph.apply([Bought(owner="customer1", lines=(Line(sku="PEN"),))]))
        await columns.read(lambda each: each.apply([OrderCompleted(order_id="order-2", captured=5)]))
        for name, address in urls.items():
            async with client_of(address) as client:
                clerk = internal_bearer(signing_key, name)("clerk", "data:rebuild")
                assert (await client.put("/rebuild", headers=clerk)).status_code == 204
        async with asyncio.timeout(TIMEOUT):
            while await edges(graphs) != completed(BEFORE + 6):
                pass
            while await columns.read(Columns.rows) != rows:
                pass
