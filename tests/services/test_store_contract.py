"""What the stores of all services promise, on SQLite and on PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from frontispiece.http.problems import Problem
from frontispiece.service import Intent, add_if_empty
from services.catalog import seed as catalog_seed
from services.catalog.store import Store as CatalogStore
from services.discount import seed as discount_seed
from services.discount.model import Terms
from services.discount.store import Store as DiscountStore
from services.inventory import seed as inventory_seed
from services.inventory.model import Line
from services.inventory.store import Store as InventoryStore
from services.reviews import seed as reviews_seed
from services.reviews.model import Draft
from services.reviews.store import Store as ReviewsStore
from shop.demo import SKUS
from tests.services.catalog.goods import product
from tests.services.support import intent


@dataclass(frozen=True, kw_only=True)
class Backend:
    """A store, what an intent creates in it, what can be seen of that, and its first data."""

    open: Callable[[str], Any]
    create: Callable[[Any, Intent], Awaitable[Any]]
    state: Callable[[Any], Awaitable[Any]]
    first_data: Callable[[], Iterable[Any]]


async def reserve(store: InventoryStore, wanted: Intent) -> Any:
    if not await store.levels(["PEN"]):
        await store.count("PEN", 100, version=None)
    return await store.reserve(wanted, [Line(sku="PEN", quantity=2)], timedelta(minutes=1))


BACKENDS = {
    "catalog": Backend(
        open=CatalogStore,
        create=lambda store, wanted: store.import_products(wanted, [product("PEN", "Zinc pen")]),
        state=lambda store: store.find(["PEN", *SKUS]),
        first_data=catalog_seed.products,
    ),
    "discount": Backend(
        open=DiscountStore,
        create=lambda store, wanted: store.create(
            wanted, Terms(sku="PEN", percent=10, coupon="", description="")
        ),
        state=lambda store: store.best(["PEN", *SKUS], ""),
        first_data=discount_seed.rules,
    ),
    "inventory": Backend(
        open=InventoryStore,
        create=reserve,
        state=lambda store: store.levels(["PEN", *SKUS]),
        first_data=inventory_seed.stock,
    ),
    "reviews": Backend(
        open=ReviewsStore,
        create=lambda store, wanted: store.post(wanted, Draft(sku="PEN", rating=4, title="T", text="T")),
        state=lambda store: store.summaries(["PEN", *SKUS]),
        first_data=reviews_seed.reviews,
    ),
}


@pytest.fixture(params=BACKENDS)
def audience(request: pytest.FixtureRequest) -> str:
    """The service whose store a test is about."""
    return str(request.param)


@pytest.fixture
def backend(audience: str) -> Backend:
    return BACKENDS[audience]


@pytest.fixture
async def store(backend: Backend, database_url: str) -> AsyncIterator[Any]:
    async with backend.open(database_url) as store:
        yield store


async def test_the_same_intent_is_carried_out_once_and_gets_its_first_response(
    backend: Backend, store: Any
) -> None:
    first = await backend.create(store, intent())
    state = await backend.state(store)

    assert await backend.create(store, intent()) == first
    assert await backend.state(store) == state


async def test_the_same_intent_sent_many_times_at_once_is_carried_out_once(
    backend: Backend, store: Any
) -> None:
    if backend.create is reserve:
        await store.count("PEN", 100, version=None)
    outcomes = await asyncio.gather(
        *(backend.create(store, intent()) for _ in range(10)), return_exceptions=True
    )
    state = await backend.state(store)

    refused = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    carried_out = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
    assert all(isinstance(error, Problem) and error.status == 409 for error in refused)
    assert all(outcome == carried_out[0] for outcome in carried_out)
    assert await backend.create(store, intent()) == carried_out[0]
    assert await backend.state(store) == state


async def test_a_key_that_came_with_another_request_is_refused(backend: Backend, store: Any) -> None:
    await backend.create(store, intent(request=b"one"))

    with pytest.raises(Problem, match="came with another request"):
        await backend.create(store, intent(request=b"two"))


async def test_two_owners_may_use_the_same_key(backend: Backend, store: Any) -> None:
    first = await backend.create(store, intent())
    state = await backend.state(store)
    second = await backend.create(store, intent(owner="shopper"))

    assert second != first or await backend.state(store) != state


async def test_an_empty_database_gets_its_first_data_once(backend: Backend, store: Any) -> None:
    assert await store.is_empty()
    await add_if_empty(store, backend.first_data)
    state = await backend.state(store)
    assert not await store.is_empty()
    await add_if_empty(store, backend.first_data)

    assert await backend.state(store) == state


async def test_a_database_with_data_of_its_own_gets_no_first_data(backend: Backend, store: Any) -> None:
    await backend.create(store, intent())
    state = await backend.state(store)
    await add_if_empty(store, backend.first_data)

    assert await backend.state(store) == state
