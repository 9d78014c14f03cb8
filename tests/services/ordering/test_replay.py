"""What was published of orders, given once more to services that lack it."""

from typing import Any

from msgspec.json import decode, encode

from services.ordering.tables import outbox
from tests.services.ordering.conftest import OpenShop
from tests.services.ordering.orders import opened, write
from tests.support.events import published


async def test_the_facts_are_those_that_were_published_page_by_page_and_for_services_alone(
    open_shop: OpenShop, database_url: str
) -> None:
    async with opened(database_url) as orders:
        for number in range(7):
            await write(orders, number)
        events = await published(orders.database, outbox)
    sent = [{"type": each.type, "data": decode(encode(each.data))} for each in events]
    async with open_shop(database_url) as shop:
        service = shop.bearer("recommendation", "orders:replay")
        pages: list[dict[str, Any]] = []
        cursor: str | None = ""
        while cursor is not None:
            query = {"limit": "3"} | ({"cursor": cursor} if cursor else {})
            pages.append((await shop.http.get("/facts", params=query, headers=service)).json())
            cursor = pages[-1]["next"]
        refused = await shop.http.get("/facts", headers=shop.bearer("reader", "shop"))

    assert [item for page in pages for item in page["items"]] == sent
    assert [len(page["items"]) for page in pages] == [3, 3, 3, 3, 0]
    assert refused.status_code == 403
