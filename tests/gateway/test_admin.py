"""The admin port: what it tells, and that it tells nothing else."""

from collections.abc import AsyncIterator

import httpx
import pytest

from gateway.admin import AdminSettings
from kit.faults import Faulty
from tests.gateway.conftest import ROUTES
from tests.support.gateways import gateway_of
from tests.support.issuer import Issuer
from tests.support.serving import Serve, client_of, nobody_there
from tests.support.stub import Stub, answering


@pytest.fixture
async def public_and_admin(
    serve: Serve, issuer: Issuer
) -> AsyncIterator[tuple[httpx.AsyncClient, httpx.AsyncClient]]:
    things = await serve(Stub(answering(201, b"{}")))
    gateway = gateway_of(ROUTES, {"things": things, "gone": nobody_there()}, issuer=issuer)
    async with (
        client_of(await serve(gateway)) as public,
        client_of(await serve(gateway.admin_app())) as admin,
    ):
        yield public, admin


Both = tuple[httpx.AsyncClient, httpx.AsyncClient]


async def test_metrics_tell_what_the_public_port_has_answered(public_and_admin: Both) -> None:
    public, admin = public_and_admin
    for path in ("/things/7", "/things/8", "/gone", "/mine", "/nowhere"):
        await public.get(path)

    answer = await admin.get("/metrics")

    assert answer.headers["content-type"].startswith("text/plain")
    lines = answer.text.splitlines()
    for line in (
        'gateway_requests_total{method="GET",route="/things/{id}",status="2xx"} 2.0',
        'gateway_requests_total{method="GET",route="/gone",status="5xx"} 1.0',
        'gateway_requests_total{method="GET",route="/mine",status="4xx"} 1.0',
        'gateway_requests_in_flight{route="/things/{id}"} 0.0',
        'gateway_upstream_calls_total{upstream="things"} 2.0',
        'gateway_upstream_failures_total{reason="unavailable",upstream="gone"} 1.0',
    ):
        assert line in lines
    assert "/nowhere" not in answer.text


async def test_what_callers_send_makes_no_new_labels(public_and_admin: Both) -> None:
    public, admin = public_and_admin
    for n in range(20):
        await public.request(f"M{n}", f"/things/{n}", headers={"Host": f"h{n}.test", "X-Request-Id": f"r{n}"})
        await public.get(f"/things/{n}?q={n}")

    counted = [line for line in (await admin.get("/metrics")).text.splitlines() if "requests_total{" in line]
    assert counted == ['gateway_requests_total{method="GET",route="/things/{id}",status="2xx"} 20.0']


async def test_metrics_come_in_the_format_that_is_asked_for(public_and_admin: Both) -> None:
    answer = await public_and_admin[1].get(
        "/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"}
    )

    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")


async def test_the_admin_port_serves_nothing_else_and_the_public_port_no_metrics(
    public_and_admin: Both,
) -> None:
    public, admin = public_and_admin
    for path in ("/", "/things/7", "/metrics/", "/health/live"):
        refused = await admin.get(path)
        assert (refused.status_code, refused.json()["type"]) == (404, "urn:frontispiece:problem:no-route")
    written = await admin.post("/metrics", content=b"x")
    assert (written.status_code, written.headers["allow"]) == (405, "GET, HEAD")
    assert (await admin.head("/metrics")).status_code == 200
    assert (await public.get("/metrics")).status_code == 404


@pytest.mark.parametrize(
    ("text", "address"),
    [("off", None), ("127.0.0.1:9100", ("127.0.0.1", 9100)), ("admin.internal:1", ("admin.internal", 1))],
)
def test_the_setting_says_where_the_admin_port_is(text: str, address: tuple[str, int] | None) -> None:
    assert AdminSettings(admin=text).address == address


@pytest.mark.parametrize("text", ["", "9100", ":9100", "h:", "h:0", "h:65536", "h:-1", "h:x", "on", "h:²"])
def test_what_is_no_address_is_refused_by_the_variables_name(text: str) -> None:
    with pytest.raises(Faulty, match="GATEWAY_ADMIN: "):
        AdminSettings(admin=text)
