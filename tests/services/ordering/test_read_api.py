"""What is read of orders over HTTP, on SQLite and on PostgreSQL."""

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest

from frontispiece.service import encode_cursor
from services.ordering.queries import POSITIONS
from tests.conftest import AppClient, MakeToken
from tests.services.ordering.copy_of_ordering import Copy
from tests.services.ordering.orders import ORDER_ID
from tests.services.ordering.reading import CANCELLED, COMPLETED, Reading, order_id
from tests.services.support import places, problem_of
from tests.support.clock import Calendar

UNKNOWN = "5f0c7a5e-6f0e-4b53-9d0b-3a1c8e6f2d47"


@pytest.fixture
async def http(copy: Copy, app_client: AppClient, reader: dict[str, str]) -> AsyncIterator[httpx.AsyncClient]:
    async with app_client(copy.app) as http:
        http.headers.update(reader)
        yield http


async def test_an_order_has_its_stages_shipping_and_entity_tag(
    reading: Reading, http: httpx.AsyncClient
) -> None:
    position = await reading.append(ORDER_ID, 0, COMPLETED)
    response = await http.get(f"/orders/{ORDER_ID}", params={"min-position": position})

    assert (response.status_code, response.headers["etag"]) == (200, f'"{len(COMPLETED)}"')
    body = response.json()
    assert (body["status"], body["stage"], body["reason"]) == ("completed", "completed", None)
    stages = "placed stock-reserved payment-authorised confirmed shipment-created payment-captured completed"
    assert [milestone["stage"] for milestone in body["timeline"]] == stages.split()
    assert body["subtotal"] == {"amount": 666, "currency": "EUR"}
    assert body["discount"] == {"amount": 66, "currency": "EUR"}
    assert body["total"] == {"amount": 1090, "currency": "EUR"}
    assert body["shipping"]["price"] == {"amount": 490, "currency": "EUR"}
    assert body["shipping"]["address"]["city"] == "Leipzig"
    assert body["shipping"]["tracking_code"] == "TRACK-1"
    unchanged = await http.get(f"/orders/{ORDER_ID}", headers={"If-None-Match": response.headers["etag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")


async def test_lists_are_paged_newest_first(reading: Reading, http: httpx.AsyncClient) -> None:
    position = await reading.append_orders(range(3))
    first = (await http.get("/orders", params={"limit": 2, "min-position": position})).json()
    second = (await http.get("/orders", params={"limit": 2, "cursor": first["next"]})).json()

    assert [order["id"] for order in first["items"]] == [order_id(2), order_id(1)]
    assert (first["items"][1]["status"], first["items"][1]["reason"]) == ("cancelled", "payment-declined")
    assert [order["id"] for order in second["items"]] == [order_id(0)]
    assert second["next"] is None
    forged = encode_cursor("2030-01-01T00:00:00Z", f"{ORDER_ID}\n")
    assert problem_of(await http.get("/orders", params={"cursor": forged})) == (422, "cursor-invalid")


async def test_a_customer_who_has_just_placed_an_order_finds_it_without_a_position(
    reading: Reading, http: httpx.AsyncClient
) -> None:
    for number in range(5):
        await reading.append(order_id(number), 0, COMPLETED[:1])
        assert (await http.get(f"/orders/{order_id(number)}")).status_code == 200


async def test_orders_of_others_and_those_that_are_not_there_are_unknown(
    reading: Reading, http: httpx.AsyncClient, bearer: MakeToken
) -> None:
    await reading.append(ORDER_ID, 0, COMPLETED)
    stranger = bearer("shopper", "shop")
    for path in (
        f"/orders/{ORDER_ID}",
        f"/orders/{ORDER_ID}/events",
        f"/orders/{ORDER_ID}?at=2030-06-01T00:00:00Z",
    ):
        response = await http.get(path, headers=stranger)
        assert (response.status_code, response.json()["title"]) == (404, "Order unknown"), path
    for id_ in (UNKNOWN, "nope", str(2**63)):
        assert (await http.get(f"/orders/{id_}")).status_code == 404
        assert (await http.get(f"/orders/{id_}/events")).status_code == 404
    assert (await http.get("/orders", headers=stranger)).json()["items"] == []


async def test_before_the_read_model_has_seen_a_position_the_answer_is_202_with_what_is_known(
    reading: Reading, copy: Copy, app_client: AppClient, reader: dict[str, str]
) -> None:
    copy.is_late = True
    known = POSITIONS + await reading.append(ORDER_ID, 0, CANCELLED[:1])
    await reading.catch_up(copy.projector)
    position = POSITIONS + await reading.append(ORDER_ID, 1, CANCELLED[1:])
    async with app_client(copy.app) as http:
        for query, headers in ((f"?min-position={position}", {}), ("", {"Min-Position": str(position)})):
            for path in (f"/orders/{ORDER_ID}", "/orders"):
                late = await http.get(path + query, headers=reader | headers)
                assert (late.status_code, late.headers["retry-after"]) == (202, "1")
                assert "etag" not in late.headers
                order = late.json() if path != "/orders" else late.json()["items"][0]
                assert order["status"] == "pending"
        placed_since = POSITIONS + await reading.append(order_id(1), 0, CANCELLED[:1])
        for params in ({"min-position": placed_since}, {}):
            placed = await http.get(f"/orders/{order_id(1)}", headers=reader, params=params)
            assert (placed.status_code, placed.headers["etag"]) == (200, '"1"'), "it is read from the log"
            unknown = await http.get(f"/orders/{UNKNOWN}", headers=reader, params=params)
            assert unknown.status_code == 404

        current = await http.get(f"/orders/{ORDER_ID}", headers=reader, params={"min-position": known})
        assert (current.status_code, current.json()["status"]) == (200, "pending")
        await reading.catch_up(copy.projector)
        current = await http.get(f"/orders/{ORDER_ID}", headers=reader, params={"min-position": position})
        assert (current.status_code, current.json()["status"]) == (200, "cancelled")


async def test_an_order_is_shown_as_it_was(
    reading: Reading, http: httpx.AsyncClient, clock: Calendar
) -> None:
    times = []
    for version, event in enumerate(CANCELLED):
        await reading.append(ORDER_ID, version, [event])
        times.append(clock.now)
        clock.now += timedelta(hours=1)

    async def at(time: str) -> httpx.Response:
        return await http.get(f"/orders/{ORDER_ID}", params={"at": time})

    for version, time in enumerate(times, 1):
        response = await at(time.isoformat())
        assert response.headers["etag"] == f'"{version}"'
    assert (await at(times[2].isoformat())).json()["stage"] == "stock-reserved"
    assert (await at((times[-1] + timedelta(days=300)).isoformat())).json()["status"] == "cancelled"
    assert (await at((times[0] - timedelta(microseconds=1)).isoformat())).status_code == 404


async def test_an_order_is_shown_as_it_was_though_a_clock_went_back_meanwhile(
    reading: Reading, http: httpx.AsyncClient, clock: Calendar
) -> None:
    began = clock.now
    for version, minutes in enumerate((0, 10, 5, 15)):
        clock.now = began + timedelta(minutes=minutes)
        await reading.append(ORDER_ID, version, COMPLETED[version : version + 1])

    for minutes, version in ((0, 1), (5, 1), (9, 1), (10, 3), (15, 4)):
        at = (began + timedelta(minutes=minutes)).isoformat()
        response = await http.get(f"/orders/{ORDER_ID}", params={"at": at})
        assert (response.status_code, response.headers["etag"]) == (200, f'"{version}"')


async def test_what_is_no_time_or_position_is_refused(http: httpx.AsyncClient) -> None:
    for query, place in (
        ("at=yesterday", "query.at"),
        ("at=2030-01-01T00:00:00", "query.at"),
        ("min-position=-1", "query.min-position"),
        ("min-position=x", "query.min-position"),
        (f"min-position={2**63}", "query.min-position"),
    ):
        assert places(await http.get(f"/orders/{ORDER_ID}?{query}")) == [place], query
