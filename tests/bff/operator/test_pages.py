"""The operator's pages: all shards are joined, and one that is away is named."""

import random
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import respx

from bff.operator.app import create_app
from frontispiece.pages import AuthenticatedBffSettings
from frontispiece.settings import Directory, TokenSettings
from tests.bff.operator.world import DAY, Ordering, order
from tests.conftest import AppClient, MakeToken


@pytest.fixture
def audience() -> str:
    return "bff-operator"


@pytest.fixture
def ordering() -> Iterator[Ordering]:
    """What is at `http://shards.test`."""
    shards = Ordering()
    with respx.mock(assert_all_called=False) as router:
        router.route(host="shards.test").mock(side_effect=shards.answer)
        yield shards


@pytest.fixture
async def http(
    token_settings: TokenSettings, signing_key: str, ordering: Ordering, app_client: AppClient
) -> AsyncIterator[httpx.AsyncClient]:
    """The operators' BFF before these shards."""
    services = {
        "ordering": "httpx+http://shards.test",
        "identity": "httpx+http://identity.test",
        "sales": "httpx+http://sales.test",
    }
    settings = AuthenticatedBffSettings(
        directory=Directory(services=services), signing_key=signing_key, tokens=token_settings
    )
    async with app_client(create_app(settings)) as client:
        yield client


@pytest.fixture
def operator(bearer: MakeToken) -> dict[str, str]:
    return bearer("clerk", "orders:read")


async def test_orders_of_all_shards_come_newest_first_page_by_page(
    http: httpx.AsyncClient, ordering: Ordering, operator: dict[str, str]
) -> None:
    numbers = list(range(30, 0, -1))
    for number in numbers:
        ordering.orders.setdefault(f"{number * 7 % 3}", []).append(order(number))
    seen: list[str] = []
    cursor: str | None = None
    while cursor is not None or not seen:
        query: dict[str, str] = {"day": DAY, "limit": "7"} | ({"cursor": cursor} if cursor else {})
        page = (await http.get("/orders", params=query, headers=operator)).json()
        assert page["missing"] == []
        seen += [each["id"] for each in page["items"]]
        cursor = page["next"]
    assert seen == [f"{number}" for number in numbers]


async def test_a_shard_that_is_away_is_named_and_the_page_says_that_it_is_not_whole(
    http: httpx.AsyncClient, ordering: Ordering, operator: dict[str, str]
) -> None:
    ordering.orders = {"0": [order(1)], "1": [order(2)]}
    ordering.sold = {"0": {"PEN": 1}, "1": {"INK": 2}}
    ordering.away = {"1"}
    for page, expected in (("orders", "1"), ("products", "PEN")):
        response = await http.get(f"/{page}", params={"day": DAY}, headers=operator)
        (item,) = response.json()["items"]
        assert (response.status_code, response.json()["missing"]) == (200, ["1"])
        assert item.get("id", item.get("sku")) == expected
        assert "reason=" in response.headers["page-degraded"]

    ordering.away = {"0", "1"}
    assert (await http.get("/orders", params={"day": DAY}, headers=operator)).status_code == 503


async def test_products_are_those_of_the_greatest_sums_however_they_are_spread(
    http: httpx.AsyncClient, ordering: Ordering, operator: dict[str, str]
) -> None:
    chance = random.Random(7)  # noqa: S311 (no secret)
    for _ in range(25):
        skus = [f"S{number:02}" for number in range(60)]
        ordering.sold = {
            f"{shard}": {sku: int(chance.paretovariate(0.8)) for sku in chance.sample(skus, 45)}
            for shard in range(4)
        }
        sums = {sku: sum(shard.get(sku, 0) for shard in ordering.sold.values()) for sku in skus}
        ranked = sorted(((n, sku) for sku, n in sums.items() if n), key=lambda each: (-each[0], each[1]))

        page = (await http.get("/products", params={"day": DAY, "limit": 5}, headers=operator)).json()

        assert page["is_exact"]
        assert [each["pieces"] for each in page["items"]] == [n for n, _ in ranked[:5]]


async def test_a_day_has_to_be_one(http: httpx.AsyncClient, operator: dict[str, str]) -> None:
    assert (await http.get("/orders", headers=operator)).status_code == 422
    assert (await http.get("/orders?day=x", headers=operator)).status_code == 422
