"""The graph: purchases in any order and number of deliveries, kills, and rebuilds while it serves."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from random import Random

import pytest

from frontispiece.events import Event
from frontispiece.http import Problem
from services.recommendation.events import Line, OrderCompleted
from services.recommendation.graph import Graph
from services.recommendation.model import Pair
from services.recommendation.store import Store
from tests.services.recommendation.purchases import completed, edges
from tests.support.events import event
from tests.support.killing import killed_after


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with Store(tmp_path / "graph", min_customers=2) as store:
        await store.opened()
        yield store


def order(owner: str, *skus: str) -> Event[OrderCompleted]:
    lines = tuple(Line(sku=sku) for sku in skus)
    return event(OrderCompleted(owner=owner, lines=lines), subject=f"{owner}-{skus}")


async def beside(store: Store, sku: str, limit: int = 12) -> list[str]:
    return [pair.other for pair in (await store.recommendations([sku], limit)).get(sku, [])]


async def test_what_enough_customers_have_bought_too_is_recommended_and_the_article_itself_is_not(
    store: Store,
) -> None:
    orders = order("a", "PEN", "INK"), order("b", "PEN"), order("b", "INK", "CAP"), order("a", "NIB")
    await asyncio.gather(*map(store.happened, orders))

    assert await beside(store, "PEN") == ["INK"]  # CAP and NIB are those of one customer
    assert await beside(store, "NIB") == []
    assert await beside(store, "UNHEARD-OF") == []


async def test_bestsellers_come_after_what_belongs_to_the_article(store: Store) -> None:
    orders = [order(f"other{customer}", "BAG") for customer in range(9)]
    orders += [order(f"writer{customer}", "PEN", "BAG") for customer in range(3)]
    orders += [order(f"writer{customer}", "INK") for customer in range(2)]
    await asyncio.gather(*map(store.happened, orders))

    assert await beside(store, "PEN") == ["INK", "BAG"]  # though more customers bought the bag beside it
    assert await beside(store, "PEN", limit=1) == ["INK"]


def test_the_score_is_the_cosine_of_the_customers_of_both() -> None:
    assert Pair(sku="PEN", other="INK", both=3, customers=4, other_customers=9).score == 0.5


async def test_a_query_waits_for_one_change_however_many_wait(store: Store) -> None:
    ended: list[str] = []
    begun, go_on = threading.Event(), threading.Event()

    def change(_graph: Graph) -> None:
        begun.set()
        go_on.wait()
        ended.append("change")

    changes = [asyncio.create_task(store.write(change)) for _ in range(3)]
    await asyncio.to_thread(begun.wait)
    query = asyncio.create_task(store.read(lambda _graph: ended.append("query")))
    await asyncio.sleep(0)  # it is requested now
    go_on.set()
    await asyncio.gather(query, *changes)

    assert ended.index("query") == 1


async def test_deliveries_in_any_order_and_number_make_the_same_graph(store: Store) -> None:
    deliveries = [number for number in range(60) for _ in range(2)]
    Random(5).shuffle(deliveries)  # noqa: S311
    await asyncio.gather(*(store.happened(event(completed(each), subject=str(each))) for each in deliveries))

    assert await store.read(Graph.edges) == edges(range(60))
    before = await store.recommendations(["ART-3"], 12)
    await store.happened(event(completed(7), subject="7"))
    assert await store.recommendations(["ART-3"], 12) == before


PURCHASES = "tests.services.recommendation.purchases"


async def test_a_killed_process_has_lost_nothing_of_what_it_had_acknowledged(
    tmp_path: Path,
) -> None:
    last = killed_after(30, PURCHASES, str(tmp_path / "graph"))

    async with Store(tmp_path / "graph", min_customers=2) as store:
        await store.opened()
        found = await store.read(Graph.edges)
    assert edges(range(last + 1)) <= found <= edges(range(last + 3))


async def test_the_graph_serves_while_it_is_made_anew_and_the_new_one_has_what_came_meanwhile(
    store: Store,
) -> None:
    await store.happened(event(completed(0), subject="0"))
    assert not store.is_complete

    async with store.rebuilding() as write:
        await write(lambda graph: graph.apply([completed(number) for number in range(40)]))
        await store.happened(event(completed(41), subject="41"))
        assert await store.read(Graph.edges) == edges(range(1)) | edges(range(41, 42))

    assert store.is_complete
    assert await store.read(Graph.edges) == edges(range(40)) | edges(range(41, 42))


async def test_a_rebuild_that_fails_or_is_killed_leaves_the_graph_as_it_was(
    tmp_path: Path,
) -> None:
    def opened() -> AbstractAsyncContextManager[Store]:
        return Store(tmp_path / "graph", min_customers=2)

    async with opened() as store:
        await store.opened()
        async with store.rebuilding() as write:
            await write(lambda graph: graph.apply([completed(50)]))
        with pytest.raises(ConnectionError):
            async with store.rebuilding():
                raise ConnectionError
        assert await store.read(Graph.edges) == edges(range(50, 51))

    killed_after(5, PURCHASES, str(tmp_path / "graph"), "rebuild")

    async with opened() as store:
        await store.opened()
        assert store.is_complete
        assert await store.read(Graph.edges) == edges(range(50, 51))
        async with store.rebuilding() as write:
            await write(lambda graph: graph.apply([completed(1)]))
        assert await store.read(Graph.edges) == edges(range(1, 2))
    assert len(list((tmp_path / "graph").glob("database-*"))) == 1


async def test_a_store_waits_for_the_folder_of_another_and_answers_503_meanwhile(tmp_path: Path) -> None:
    first, second = (Store(tmp_path / "graph", min_customers=2) for _ in range(2))
    async with AsyncExitStack() as stack:
        async with first:
            await first.opened()
            await first.happened(event(completed(3), subject="3"))
            await stack.enter_async_context(second)
            with pytest.raises(Problem, match="not open") as refused:
                await second.recommendations(["PEN"], 1)
        await second.opened()

        assert (refused.value.status, refused.value.kind) == (503, "store-unavailable")
        assert await second.read(Graph.edges) == edges(range(3, 4))
