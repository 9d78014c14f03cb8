import httpx
import pytest

from tests.bff.documents import article
from tests.bff.mobile.test_home import PEN
from tests.bff.troubles import DOWN, answering, problem
from tests.bff.world import Shop


async def test_a_sync_has_cards_as_other_screens_have_them_and_what_is_gone(
    mobile: httpx.AsyncClient, shop: Shop
) -> None:
    shop.removed, shop.more = ["NIB"], True

    answer = await mobile.get("/sync")

    assert answer.status_code == 200
    assert answer.headers["vary"] == "accept-language, width"
    changes = answer.json()
    assert changes["products"]["upserts"][0] == PEN
    assert [card["sku"] for card in changes["products"]["upserts"]] == ["PEN", "INK", "CAP"]
    assert (changes["products"]["deleted"], changes["cursor"], changes["more"]) == (["NIB"], "a-cursor", True)
    assert dict(shop.last("changes").url.params) == {"limit": "100"}


async def test_without_changes_nothing_else_is_read(mobile: httpx.AsyncClient, shop: Shop) -> None:
    shop.products.clear()

    answer = await mobile.get("/sync?cursor=a-cursor")

    assert answer.json() == {"cursor": "a-cursor", "products": {"upserts": [], "deleted": []}, "more": False}
    assert shop.operations == ["changes"]


@pytest.mark.parametrize("count", [1, 100])
async def test_a_page_of_changes_is_one_call_of_each_service(
    mobile: httpx.AsyncClient, shop: Shop, count: int
) -> None:
    shop.products = {f"ART-{n}": article(f"ART-{n}") for n in range(count)}

    answer = await mobile.get("/sync")

    assert len(answer.json()["products"]["upserts"]) == count
    assert shop.operations == ["changes", "discounts", "ratings", "stocks"]


async def test_a_cursor_that_cannot_be_continued_is_gone(mobile: httpx.AsyncClient, shop: Shop) -> None:
    shop.trouble["changes"] = answering(problem(410, "cursor-expired"))

    answer = await mobile.get("/sync?cursor=old")

    assert answer.status_code == 410
    assert answer.json()["type"] == "urn:frontispiece:problem:cursor-expired"


async def test_what_else_is_known_of_products_may_be_missing(mobile: httpx.AsyncClient, shop: Shop) -> None:
    shop.trouble = dict.fromkeys(("stocks", "discounts", "ratings"), DOWN)

    answer = await mobile.get("/sync")

    assert answer.status_code == 200
    assert answer.json()["products"]["upserts"][0]["price"] == "€12.90"
    assert "discounts" in answer.headers["page-degraded"]


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=many"])
async def test_an_invalid_limit_is_refused_before_any_call(
    mobile: httpx.AsyncClient, shop: Shop, query: str
) -> None:
    assert (await mobile.get(f"/sync?{query}")).status_code == 422
    assert shop.operations == []
