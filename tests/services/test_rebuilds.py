"""What services make of the facts of orders: of ordering's log at first, over the broker since, and anew."""

from pathlib import Path
from typing import Any

from frontispiece.events import EventSettings
from frontispiece.security import issuers, private_key
from frontispiece.settings import Directory, TokenSettings
from services.ordering.app import OrderingSettings
from services.ordering.app import create_app as create_ordering
from services.ordering.store import Orders
from services.recommendation.app import RecommendationSettings
from services.recommendation.app import create_app as create_recommendation
from services.recommendation.graph import Graph
from services.recommendation.model import Purchase
from services.recommendation.store import Store as Graphs
from tests.conftest import internal_bearer
from tests.services.ordering.orders import write
from tests.support.apps import NOWHERE
from tests.support.serving import client_of, servers
from tests.support.waiting import until

BEFORE = 120
"""Orders that were there before: more than come in one response, and the broker has forgotten their facts."""


def completed(orders: int) -> set[tuple[str, str]]:
    """The edges of so many orders: each third one is completed."""
    return {(f"customer{number}", "PEN") for number in range(0, orders, 3)}


async def edges(store: Graphs) -> set[tuple[str, str]]:
    return await store.read(Graph.edges)


async def test_a_graph_is_made_of_all_orders_when_it_is_new_and_again_on_request(
    event_settings: EventSettings, signing_key: str, tmp_path: Path
) -> None:
    callers = [(name, private_key(signing_key)) for name in ("gateway", "recommendation")]
    tokens = TokenSettings(issuers=issuers(callers))
    common: dict[str, Any] = {"events": event_settings, "tokens": tokens, "signing_key": signing_key}
    nowhere = dict.fromkeys(("catalog", "basket", "shipping"), f"http://{NOWHERE}")
    url = f"sqlite:///{tmp_path}/ordering.db"
    ordering = create_ordering(
        OrderingSettings(
            database_url=url,
            read_database_url=f"sqlite:///{tmp_path}/read.db",
            directory=Directory(services={**nowhere, "discount-grpc": NOWHERE}),
            **common,
        )
    )
    async with Orders(url) as orders:
        for number in range(BEFORE):
            await write(orders, number, publish=False)
    async with servers() as serve:
        directory = Directory(services={"ordering": await serve(ordering)})
        settings = RecommendationSettings(folder=tmp_path / "graph", directory=directory, **common)
        recommendation = create_recommendation(settings)
        async with client_of(await serve(recommendation)) as client:
            store: Graphs = recommendation.state.store
            await until(lambda: store.is_complete)
            assert await edges(store) == completed(BEFORE)

            for number in range(BEFORE, BEFORE + 6):
                await write(ordering.state.store, number)
            while await edges(store) != completed(BEFORE + 6):
                pass

            stray = Purchase(customer="customer1", skus=("PEN",))
            await store.read(lambda graph: graph.add([stray]))
            clerk = internal_bearer(signing_key, "recommendation")("clerk", "data:rebuild")
            assert (await client.put("/rebuild", headers=clerk)).status_code == 204
            while await edges(store) != completed(BEFORE + 6):
                pass
