"""The shop is stopped, and starts again with its data; then a page's request is one trace, sent over OTLP."""

import asyncio
from pathlib import Path

import httpx
import pytest

from tests.support.checkouts import Client
from tests.support.killing import children
from tests.support.otlp import Collector
from tests.support.serving import Serve
from tests.support.shop import PROJECT, RunningShop, Shops
from tests.support.waiting import TIMEOUT

pytestmark = pytest.mark.e2e

TRACE = "0af7651916cd43dd8448eb211c80319c"
UNSAMPLED = "1af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"


PAGE = "gateway GET /web/products/{sku} > gateway GET > bff-web GET /products/{sku}"
BASKET = "gateway GET /mobile/basket > gateway GET > bff-mobile GET /basket"
ORDER = "gateway POST /mobile/checkout > gateway POST > bff-mobile POST /checkout"
RPC = "frontispiece.discount.v1.Discounts/ListDiscounts"


def order(shop: RunningShop) -> list[int]:
    """The statuses of pages and an order of one trace, and of a page that is not to be sampled."""
    headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", **shop.phone("shopper")}
    with httpx.Client(base_url=shop.url, headers=headers, timeout=60) as http:
        customer = Client(http=http, kind="mobile", headers={})
        answers = [
            http.put("/mobile/basket/items/PENS-001", json={"quantity": 1}),
            http.get("/mobile/basket"),
            http.get("/web/products/PENS-001?q=private"),
            ordered := customer.check_out(),
            http.get("/mobile/basket", headers={"traceparent": f"00-{UNSAMPLED}-{PARENT}-00"}),
        ]
        *_, last = customer.progress(ordered.headers["location"])
    assert last.stage == "completed"
    return [answer.status_code for answer in answers]


def stop(shop: RunningShop, programs: int) -> None:
    """Press Ctrl-C; nothing is left behind of the servers, of so many programs, or more that drain."""
    below = children(shop.process.pid)
    assert len(below) >= len(["Valkey", "NATS", "Envoy"]) + programs

    seconds = shop.stop()

    assert shop.process.returncode == 0
    assert seconds < TIMEOUT
    assert not [pid for pid in below if Path(f"/proc/{pid}").exists()]


@pytest.mark.parametrize("layout", ["many-processes"])
def test_ctrl_c_leaves_none_of_many_processes_behind(shop: RunningShop) -> None:
    stop(shop, len(PROJECT.programs))


def keeps_its_data(shops: Shops, collector: str) -> list[int]:
    """Stop the shop, and order in the one that is started in its folder; that has the basket of before."""
    shop = shops("one-process")
    reader = shop.browser("reader")
    put = httpx.put(f"{shop.url}/web/basket/items/PENS-002", json={"quantity": 4}, headers=reader, timeout=60)
    stop(shop, 0)

    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector, "OTEL_SERVICE_NAME": "the-shop"}
    again = shops("one-process", OTEL_SDK_DISABLED="", **variables)

    assert again.data == shop.data
    basket = httpx.get(f"{again.url}/web/basket", headers=reader, timeout=60)
    assert basket.json() == put.json()
    of_phone = httpx.get(f"{again.url}/mobile/basket", headers=again.phone("reader"), timeout=60)
    assert of_phone.status_code == 200, of_phone.text
    statuses = order(again)
    again.stop()
    return statuses


async def test_a_second_start_keeps_the_data_and_a_request_is_one_trace_from_the_gateway_to_the_broker(
    serve: Serve, shops: Shops
) -> None:
    collector = Collector()
    url = await serve(collector)
    statuses = await asyncio.to_thread(keeps_its_data, shops, url)
    assert [status // 100 for status in statuses] == [2, 2, 2, 2, 2], statuses

    assert set(collector.paths) == {"/v1/traces"}
    assert UNSAMPLED not in {span.trace for span in collector.spans}, "it was not to be sampled"
    mine = {span.id: span for span in collector.spans if span.trace == TRACE}
    assert {span.parent for span in mine.values()} <= {PARENT, *mine}, "a span's parent was not sent"

    def way(span: str) -> list[str]:
        one = mine.get(span)
        return [] if one is None else [*way(one.parent), f"{one.service} {one.name}"]

    ways = {" > ".join(way(one)) for one in mine}
    assert {
        f"{PAGE} > bff-web source product > bff-web GET > catalog GET /products/{{sku}} > catalog SELECT",
        (
            f"{BASKET} > bff-mobile source basket > bff-mobile GET"
            " > basket GET /baskets/{owner} > basket EVALSHA"
        ),
    } <= ways
    assert any(way.startswith(PAGE) and way.endswith(f"> discount {RPC} > discount SELECT") for way in ways)
    assert any(way.startswith(ORDER) and "> ordering GET > catalog GET /products" in way for way in ways)

    for step in ("inventory.reserve", "payment.authorise", "shipping.create", "payment.capture"):
        service = step.partition(".")[0]
        carried_out = f"> {service} process shop.commands.{step} > {service}"
        assert any(way.startswith(ORDER) and carried_out in way for way in ways), step

    sent = " ".join(f"{one.name} {one.about}" for one in collector.spans)
    for secret in ("shopper", "private", "Bearer", "127.0.0.1:"):
        assert secret not in sent, secret
