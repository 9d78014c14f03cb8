import tomllib
import uuid
from email import message_from_bytes
from email.policy import default
from mailbox import Maildir

import httpx
import pytest

from services.discount.model import Terms
from services.discount.seed import rules
from services.inventory.seed import first_stock
from shop.demo import SKUS
from tests.support.checkouts import Client, complete
from tests.support.shop import ROOT, RunningShop, in_both_layouts
from tests.support.waiting import eventually

pytestmark = pytest.mark.e2e

REDUCED = next(rule.sku for rule in rules() if isinstance(rule, Terms) and first_stock(rule.sku))
SOLD_OUT = next(sku for sku in SKUS if not first_stock(sku))

with_both_clients = pytest.mark.parametrize("kind", ["web", "mobile"])


def stock(http: httpx.Client, sku: str) -> int:
    available = http.get(f"/api/inventory/stock/{sku}").json()["available"]
    assert isinstance(available, int)
    return available


def lines(customer: Client) -> int:
    """How many lines the basket has."""
    return len(customer.request("GET", "/basket").json()["lines"])


@in_both_layouts
@with_both_clients
def test_a_customer_checks_out_and_follows_the_order_until_it_is_completed(
    http: httpx.Client, customer: Client, article: str
) -> None:
    before = stock(http, article)
    customer.put(article, 2)
    order, key = customer.agreed(customer.draft()), str(uuid.uuid4())

    placed, again = customer.order(order, key), customer.order(order, key)

    assert placed.status_code == again.status_code == 202
    assert int(again.headers["position"]) >= int(placed.headers["position"])
    location = placed.headers["location"]
    assert location == again.headers["location"] == f"/{customer.kind}/orders/{placed.json()['id']}"
    assert lines(customer) == 0

    stages = [event.stage for event in customer.progress(location)]
    assert (stages[0], stages[-1]) == ("placed", "completed")
    assert "confirmed" in stages
    seen = http.get(location, headers=customer.headers).json()
    assert (seen["lines"][0]["quantity"], seen["shipping"]["method"]) == (2, "standard")
    assert eventually(lambda: http.get(location, headers=customer.headers).json()["status"] == "completed")
    listed = customer.request("GET", "/orders").json()["items"]
    assert [(entry["id"], entry["status"]) for entry in listed] == [(seen["id"], "completed")]
    assert stock(http, article) == before - 2


def test_a_customer_gets_mails_and_follows_the_parcel(
    http: httpx.Client, shop: RunningShop, customer: Client, article: str
) -> None:
    customer.put(article, 1)
    location = customer.check_out().headers["location"]
    order_id = location.rpartition("/")[2]

    def subjects() -> list[str]:
        mails = [message_from_bytes(mail.as_bytes(), policy=default) for mail in Maildir(shop.data / "mail")]
        return sorted(str(mail["Subject"]) for mail in mails if order_id in mail.get_content())

    def parcel() -> list[str]:
        order = http.get(location, headers=customer.headers).json()
        return [event["status"] for event in order["tracking"]]

    assert eventually(lambda: len(subjects()) == 2)
    assert subjects() == ["Your order is confirmed", "Your order is on its way"]
    assert parcel()[:2] == ["created", "dispatched"]


def test_what_the_checkout_shows_is_what_the_order_costs(http: httpx.Client, customer: Client) -> None:
    reduced = complete(lambda: http.get(f"/web/products/{REDUCED}")).json()
    customer.put(REDUCED, 1)
    draft = customer.draft()

    order = customer.order(customer.agreed(draft)).json()

    assert draft["goods"] == reduced["price"]
    assert order["total"] == draft["deliveries"][0]["total"]
    assert order["shipping"]["price"] == draft["deliveries"][0]["price"]
    assert order["discount"]["amount"] == reduced["list_price"]["amount"] - reduced["price"]["amount"]


def test_more_than_there_is_cannot_be_had_and_the_basket_is_back(customer: Client) -> None:
    customer.put(SOLD_OUT, 1)
    assert "out-of-stock" in customer.draft()["obstacles"]

    *_, last = customer.progress(customer.check_out().headers["location"])

    assert (last.stage, last.data["reason"]) == ("cancelled", "out-of-stock")
    assert eventually(lambda: lines(customer) == 1)


def test_a_declined_payment_ends_the_order_and_the_stock_is_free_again(
    http: httpx.Client, customer: Client, article: str
) -> None:
    before = stock(http, article)
    customer.put(article, 1)
    location = customer.check_out("tok_declined").headers["location"]

    *_, last = customer.progress(location)

    assert (last.stage, last.data["reason"]) == ("cancelled", "payment-declined")
    assert stock(http, article) == before


def test_a_basket_is_its_owners_alone(http: httpx.Client, shop: RunningShop) -> None:
    http.put("/web/basket/items/PENS-001", json={"quantity": 1}, headers=shop.browser("clerk"))

    assert http.get("/api/basket/baskets/clerk", headers=shop.phone("clerk")).status_code == 200
    assert http.get("/api/basket/baskets/clerk", headers=shop.phone("shopper")).status_code == 404


def test_writes_and_orders_need_a_login(http: httpx.Client) -> None:
    table = tomllib.loads((ROOT / "gateway" / "routes.toml").read_text())
    guarded = [
        (method, route["path"], route["auth"])
        for route in table["routes"]
        for method in route.get("methods", ["GET"])
        if route["auth"] != "passthrough" and (method != "GET" or "orders" in route["path"])
        if method not in route.get("guest_methods", [])
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
