import time
import tomllib
import uuid
from collections.abc import Callable
from email import message_from_bytes
from email.policy import default
from mailbox import Maildir

import httpx
import pytest

from tests.support.checkouts import Client
from tests.support.shop import ROOT, RunningShop

pytestmark = pytest.mark.e2e


def stock(http: httpx.Client, sku: str) -> int:
    available = http.get(f"/api/inventory/stock/{sku}").json()["available"]
    assert isinstance(available, int)
    return available


def eventually(holds: Callable[[], bool]) -> bool:
    """Whether this holds within some seconds: what follows from an order's events."""
    until = time.monotonic() + 20
    while not (held := holds()) and time.monotonic() < until:
        time.sleep(0.05)
    return held


def in_stock(http: httpx.Client, pieces: int) -> str:
    """An article of which so many pieces can be had."""
    cards = http.get("/web/search", params={"limit": 50}).json()["items"]
    return str(next(card["sku"] for card in cards if card["available"] >= pieces))


@pytest.fixture(params=["web", "mobile"])
def customer(request: pytest.FixtureRequest, http: httpx.Client, shop: RunningShop) -> Client:
    """A customer with an empty basket."""
    client = Client(http=http, kind=request.param, headers=shop.logged_in(request.param, "shopper"))
    client.empty_basket()
    return client


def test_a_customer_checks_out_and_follows_the_order_until_it_is_completed(
    http: httpx.Client, customer: Client
) -> None:
    sku = in_stock(http, 3)
    before = stock(http, sku)
    customer.put(sku, 2)
    order, key = customer.agreed(customer.draft()), str(uuid.uuid4())

    placed, again = customer.order(order, key), customer.order(order, key)

    assert placed.status_code == again.status_code == 202
    assert int(again.headers["position"]) >= int(placed.headers["position"])
    location = placed.headers["location"]
    assert location == again.headers["location"] == f"/{customer.kind}/orders/{placed.json()['id']}"
    assert customer.request("GET", "/basket").json()["lines"] == []

    stages = [event.stage for event in customer.progress(location)]
    assert (stages[0], stages[-1]) == ("placed", "completed")
    assert "confirmed" in stages
    seen = http.get(location, headers=customer.headers).json()
    assert (seen["lines"][0]["quantity"], seen["shipping"]["method"]) == (2, "standard")
    assert eventually(lambda: http.get(location, headers=customer.headers).json()["status"] == "completed")
    listed = [
        entry for entry in customer.request("GET", "/orders").json()["items"] if entry["id"] == seen["id"]
    ]
    assert [entry["status"] for entry in listed] == ["completed"]
    assert stock(http, sku) == before - 2


def test_a_customer_gets_mails_and_follows_the_parcel(
    http: httpx.Client, shop: RunningShop, customer: Client
) -> None:
    customer.put(in_stock(http, 1), 1)
    location = customer.check_out().headers["location"]
    order_id = location.rpartition("/")[2]

    def subjects() -> list[str]:
        mails = [message_from_bytes(mail.as_bytes(), policy=default) for mail in Maildir(shop.data / "mail")]
        return sorted(str(mail["Subject"]) for mail in mails if order_id in mail.get_content())

    def parcel() -> list[str]:
        order = http.get(location, headers=customer.headers).json()
        shown = order if customer.kind == "web" else order["shipping"]
        return [event["status"] for event in shown.get("tracking", [])]

    assert eventually(lambda: len(subjects()) == 2)
    assert subjects() == ["Your order is confirmed", "Your order is on its way"]
    assert parcel()[:2] == ["created", "dispatched"]


def test_an_order_to_a_country_that_is_not_served_is_refused_and_the_basket_stays(
    http: httpx.Client, customer: Client
) -> None:
    customer.put(in_stock(http, 1), 1)
    agreed = customer.agreed(customer.draft())
    address = {**agreed["shipping"]["address"], "country": "AQ"}

    refused = customer.order({**agreed, "shipping": {**agreed["shipping"], "address": address}})

    assert (refused.status_code, refused.json()["type"]) == (
        422,
        "urn:frontispiece:problem:country-not-served",
    )
    assert eventually(lambda: len(customer.request("GET", "/basket").json()["lines"]) == 1)


def test_progress_goes_on_where_a_client_was(http: httpx.Client, customer: Client) -> None:
    customer.put(in_stock(http, 1), 1)
    location = customer.check_out().headers["location"]
    events = list(customer.progress(location))

    assert list(customer.progress(location, events[2].id)) == events[3:]
    assert list(customer.progress(location, events[-1].id)) == []


def test_what_the_checkout_shows_is_what_the_order_costs(http: httpx.Client, shop: RunningShop) -> None:
    reader = Client(http=http, kind="web", headers=shop.browser("reader"))
    reader.empty_basket()
    cards = http.get("/web/search", params={"limit": 100}).json()["items"]
    reduced = next(c for c in cards if c["price"] != c["list_price"] and c["available"])
    reader.put(reduced["sku"], 1)
    draft = reader.draft()

    order = reader.order(reader.agreed(draft)).json()

    assert draft["goods"] == reduced["price"]
    assert order["total"] == draft["deliveries"][0]["total"]
    assert order["shipping"]["price"] == draft["deliveries"][0]["price"]
    assert order["discount"]["amount"] == reduced["list_price"]["amount"] - reduced["price"]["amount"]


def test_an_order_at_another_total_is_refused_with_the_one_that_holds(
    http: httpx.Client, customer: Client
) -> None:
    customer.put(in_stock(http, 1), 1)
    agreed = customer.agreed(customer.draft())

    refused = customer.order({**agreed, "total": {**agreed["total"], "amount": 1}})

    assert (refused.status_code, refused.json()["total"]) == (409, agreed["total"])
    assert refused.json()["type"] == "urn:frontispiece:problem:total-changed"
    assert eventually(lambda: len(customer.request("GET", "/basket").json()["lines"]) == 1)


def test_a_basket_that_has_changed_is_not_ordered(http: httpx.Client, customer: Client) -> None:
    sku = in_stock(http, 3)
    customer.put(sku, 1)
    agreed = customer.agreed(customer.draft())
    customer.put(sku, 2)

    refused = customer.order(agreed)

    assert refused.status_code == 409
    assert refused.json()["type"] == "urn:frontispiece:problem:basket-changed"


def test_more_than_there_is_cannot_be_had_and_the_basket_is_back(
    http: httpx.Client, customer: Client
) -> None:
    cards = http.get("/web/search", params={"limit": 100}).json()["items"]
    sold_out = next(card["sku"] for card in cards if card["available"] == 0)
    customer.put(sold_out, 1)
    assert "out-of-stock" in customer.draft()["obstacles"]

    *_, last = customer.progress(customer.check_out().headers["location"])

    assert (last.stage, last.data["reason"]) == ("cancelled", "out-of-stock")
    assert eventually(lambda: len(customer.request("GET", "/basket").json()["lines"]) == 1)


def test_a_declined_payment_ends_the_order_and_the_stock_is_free_again(
    http: httpx.Client, customer: Client
) -> None:
    sku = in_stock(http, 1)
    before = stock(http, sku)
    customer.put(sku, 1)
    location = customer.check_out("tok_declined").headers["location"]

    *_, last = customer.progress(location)

    assert (last.stage, last.data["reason"]) == ("cancelled", "payment-declined")
    assert stock(http, sku) == before


def test_a_completed_order_can_no_longer_be_cancelled(http: httpx.Client, customer: Client) -> None:
    customer.put(in_stock(http, 1), 1)
    location = customer.check_out().headers["location"]
    assert [event.stage for event in customer.progress(location)][-1] == "completed"

    refused = http.post(f"{location}/cancel", headers=customer.headers)

    assert (refused.status_code, refused.json()["type"]) == (409, "urn:frontispiece:problem:order-confirmed")


def test_a_basket_is_its_owners_alone(http: httpx.Client, shop: RunningShop) -> None:
    sku = in_stock(http, 1)
    http.put(f"/web/basket/items/{sku}", json={"quantity": 1}, headers=shop.browser("clerk"))

    assert http.get("/api/basket/baskets/clerk", headers=shop.phone("clerk")).status_code == 200
    assert http.get("/api/basket/baskets/clerk", headers=shop.phone("shopper")).status_code == 404


def test_a_price_from_a_client_is_refused(http: httpx.Client, shop: RunningShop) -> None:
    answer = http.put(
        "/web/basket/items/PENS-001", json={"quantity": 1, "price": 1}, headers=shop.browser("shopper")
    )
    assert answer.status_code == 422


def test_nothing_is_written_and_nobodys_order_is_read_without_a_login(http: httpx.Client) -> None:
    table = tomllib.loads((ROOT / "gateway" / "routes.toml").read_text())
    guarded = [
        (method, route["path"], route["auth"])
        for route in table["routes"]
        for method in route.get("methods", ["GET"])
        if route["auth"] != "passthrough" and (method != "GET" or "orders" in route["path"])
    ]
    assert len(guarded) > 15
    for method, path, auth in guarded:
        url = path.replace("{", "").replace("}", "").replace(":path", "")
        refused = {401} if auth == "bearer" else {401, 403}  # 403: it lacks even the header of a guest
        assert http.request(method, url).status_code in refused, (method, path)
        forged = http.request(method, url, headers={"Authorization": "Bearer a.b.c"})
        assert forged.status_code in refused, (method, path)


def test_what_the_table_does_not_list_does_not_exist(http: httpx.Client, shop: RunningShop) -> None:
    clerk = shop.phone("clerk")
    assert http.post("/api/inventory/reservations", json={}, headers=clerk).status_code == 404
    assert http.get("/api/catalog/openapi.json").status_code == 404
    assert http.get("/api/discount/health/live").status_code == 404
    wrong = http.delete("/web/home")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, HEAD")
