"""A page's request through the whole shop is one trace, told to a collector over OTLP."""

import asyncio
from pathlib import Path

import httpx
import pytest

from tests.support.checkouts import Client
from tests.support.otlp import Collector
from tests.support.serving import Serve
from tests.support.shop import running_shop

pytestmark = pytest.mark.e2e

TRACE = "0af7651916cd43dd8448eb211c80319c"
UNSAMPLED = "1af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"


PAGE = "gateway GET /web/products/{sku} > gateway GET > bff-web GET /products/{sku}"
BASKET = "gateway GET /mobile/basket > gateway GET > bff-mobile GET /basket"
ORDER = "gateway POST /mobile/checkout > gateway POST > bff-mobile POST /checkout"
RPC = "frontispiece.discount.v1.Discounts/ListDiscounts"


def asks_for_pages(data: Path, collector: str) -> list[int]:
    variables = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector,
        "OTEL_SERVICE_NAME": "the-shop",
        "OTEL_SDK_DISABLED": "",
    }
    with running_shop(data, **variables) as shop:
        headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", **shop.phone("shopper")}
        with httpx.Client(base_url=shop.url, headers=headers) as http:
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
        shop.stop()
    return [answer.status_code for answer in answers]


async def test_a_request_is_one_trace_from_the_gateway_to_databases_and_the_broker(
    serve: Serve, tmp_path: Path
) -> None:
    collector = Collector()
    url = await serve(collector)
    statuses = await asyncio.to_thread(asks_for_pages, tmp_path, url)
    assert [status // 100 for status in statuses] == [2, 2, 2, 2, 2], statuses

    assert set(collector.paths) == {"/v1/traces"}
    assert UNSAMPLED not in {told.trace for told in collector.spans}, "it was not to be sampled"
    mine = {told.id: told for told in collector.spans if told.trace == TRACE}
    assert {told.parent for told in mine.values()} <= {PARENT, *mine}, "a span's parent was not told"

    def way(told: str) -> list[str]:
        one = mine.get(told)
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

    told = " ".join(f"{one.name} {one.about}" for one in collector.spans)
    for secret in ("shopper", "private", "Bearer", "127.0.0.1:"):
        assert secret not in told, secret
