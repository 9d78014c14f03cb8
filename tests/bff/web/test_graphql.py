"""The web client's GraphQL API, and what its operations cost."""

from typing import Any

import httpx
import pytest

from tests.bff.documents import article
from tests.bff.troubles import DOWN
from tests.bff.world import Shop
from tests.conftest import MakeToken

NESTED = """
query {
  product(sku: "PEN") {
    name
    available
    rating { average }
    currentPrice { amount }
    related {
      sku
      available
      rating { average }
      related { sku available rating { average } }
    }
  }
}
"""


async def ask(web: httpx.AsyncClient, query: str, headers: dict[str, str] | None = None) -> Any:
    answer = await web.post("/graphql", json={"query": query}, headers=headers)
    assert answer.status_code == 200
    return answer.json()


async def test_a_nested_list_costs_one_call_a_level_whatever_its_length(
    web: httpx.AsyncClient, shop: Shop
) -> None:
    others = [f"P{number}" for number in range(12)]
    shop.sells(article("PEN", related=others), *(article(sku, related=["INK", "CAP"]) for sku in others))
    shop.stock |= dict.fromkeys(others, 1)

    answer = await ask(web, NESTED)

    related = answer["data"]["product"]["related"]
    assert [each["sku"] for each in related] == others
    assert all(
        each["related"][1] == {"sku": "CAP", "available": 0, "rating": {"average": None}} for each in related
    )
    calls = [*["products"] * 3, *["stocks"] * 3, *["ratings"] * 3, "discounts"]
    assert sorted(shop.operations) == sorted(calls)
    assert answer["extensions"]["calls"] == len(calls)


async def test_a_part_whose_service_is_down_is_null_with_an_error(web: httpx.AsyncClient, shop: Shop) -> None:
    shop.trouble["stocks"] = shop.trouble["ratings"] = DOWN

    answer = await ask(web, '{ product(sku: "PEN") { name available rating { average } } }')

    assert answer["data"] == {"product": {"name": "Fine PEN", "available": None, "rating": None}}
    assert {(each["path"][-1], each["extensions"]["status"]) for each in answer["errors"]} == {
        ("available", 503),
        ("rating", 503),
    }


async def test_orders_belong_to_a_user(
    web: httpx.AsyncClient, shop: Shop, reader: dict[str, str], bearer: MakeToken
) -> None:
    query = '{ order(id: "order-1") { stage lines { product { name } } } }'

    own = await ask(web, query, reader)

    for stranger in (None, bearer("guest:1", "guest")):
        answer = await ask(web, query, stranger)
        assert answer["data"] == {"order": None}
        assert answer["errors"][0]["extensions"]["status"] == 401
    assert own["data"]["order"]["stage"] == "shipment-created"


async def test_the_progress_of_an_order_is_a_subscription(
    web: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    query = 'subscription { orderProgress(id: "order-1", lastEventId: "2") { id stage at trackingCode } }'
    headers = {**reader, "Accept": "text/event-stream"}

    answer = await web.post("/graphql", json={"query": query}, headers=headers)

    event = '{"id":"3","stage":"confirmed","at":"2030-11-22T23:31:00Z","trackingCode":"FS-7"}'
    assert f'data: {{"data":{{"orderProgress":{event}}}' in answer.text
    assert '"extensions":{"calls":1,' in answer.text
    assert answer.text.endswith("event: complete\ndata:\n\n")
    assert shop.last("events").headers["last-event-id"] == "2"


async def test_a_list_of_orders_is_there_without_what_is_known_of_their_parcels(
    web: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    shop.trouble["shipments"] = DOWN
    shop.orders[0]["status"] = "completed"

    answer = await web.post("/graphql", json={"query": "{ orders { items { id parcel } } }"}, headers=reader)

    assert answer.json()["data"] == {
        "orders": {"items": [{"id": f"order-{number}", "parcel": None} for number in (2, 1)]}
    }
    assert answer.headers["page-degraded"] == "orders.items.parcel;reason=unavailable"


@pytest.mark.parametrize("last", ["1\n", "a\nb", "é", "✓"])
async def test_the_last_event_of_a_subscription_is_one_word(
    web: httpx.AsyncClient, reader: dict[str, str], last: str
) -> None:
    query = 'subscription ($last: String) { orderProgress(id: "order-1", lastEventId: $last) { stage } }'
    wanted = {"query": query, "variables": {"last": last}}

    answer = await web.post("/graphql", json=wanted, headers={**reader, "Accept": "text/event-stream"})

    assert '"code":"invalid-request"' in answer.text


async def test_the_cards_of_a_search_are_within_the_limits(web: httpx.AsyncClient, shop: Shop) -> None:
    shop.sells(*(article(f"P{number}") for number in range(24)))
    query = "{ search { items { name available images { alt variants { url width } } } } }"

    answer, null = [await ask(web, each) for each in (query, query.replace("search", "search(limit: null)"))]

    assert len(answer["data"]["search"]["items"]) == 24
    assert null["data"] == answer["data"]
    assert null["extensions"]["cost"] == answer["extensions"]["cost"]


async def test_a_field_that_has_been_measured_to_make_many_calls_costs_more(
    web: httpx.AsyncClient, shop: Shop
) -> None:
    query = "{ search(limit: 2) { items { reviews(limit: 1) { title } } } }"
    first = (await ask(web, query))["extensions"]
    shop.sells(*(article(f"P{number}") for number in range(9)))

    again = (await ask(web, query.replace("limit: 2", "limit: 12")))["extensions"]
    third = (await ask(web, query))["extensions"]

    assert (first["calls"], again["calls"]) == (3, 13)
    assert third["cost"] > first["cost"]
