"""The spans of a call, and the trace headers that services get."""

from pathlib import Path

import httpx

from tests.frontispiece.conftest import ROUTES
from tests.support.issuer import Issuer
from tests.support.otlp import Collector
from tests.support.serving import client_of, nobody_there, servers
from tests.support.stub import Exchange, Stub, answering
from tests.support.tables import route, route_table
from tests.support.world import gateway_of

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "vendor=1"}


async def spans_of(
    collector: Collector, issuer: Issuer, things: Stub, *paths: str, **headers: str
) -> list[httpx.Response]:
    """Ask a gateway for these, and stop it, so that all spans are exported."""
    async with servers() as serve:
        services = {"things": await serve(things), "gone": nobody_there()}
        async with client_of(await serve(gateway_of(ROUTES, services, issuer=issuer))) as http:
            return [await http.get(path, headers=headers) for path in paths]


async def test_a_call_is_within_its_clients_span_and_the_services_within_the_gateways(
    collector: Collector, issuer: Issuer
) -> None:
    things = Stub()
    await spans_of(collector, issuer, things, "/things/7?token=secret", **SAMPLED)

    served, called = collector.span("gateway", "GET /things/{id}"), collector.span("gateway", "GET")
    assert (served.trace, served.parent) == (TRACE, PARENT)
    assert (called.trace, called.parent) == (TRACE, served.id)
    assert things.last.all(b"traceparent") == [f"00-{TRACE}-{called.id}-01".encode()]
    assert things.last.all(b"tracestate") == [b"vendor=1"]
    request_id = served.about.pop("frontispiece.request.id")
    assert things.last.all(b"x-request-id") == [request_id.encode()]
    assert served.about == {
        "http.request.method": "GET",
        "http.route": "/things/{id}",
        "url.path": "/things/7",
        "url.scheme": "http",
        "http.response.status_code": 200,
    }
    assert called.about == {
        "http.request.method": "GET",
        "server.address": "things",
        "http.response.status_code": 200,
    }
    assert not served.is_error


async def test_a_client_that_does_not_sample_is_followed(collector: Collector, issuer: Issuer) -> None:
    things = Stub()
    await spans_of(collector, issuer, things, "/things/7", traceparent=f"00-{TRACE}-{PARENT}-00")

    assert collector.spans == []
    (traceparent,) = things.last.all(b"traceparent")
    assert traceparent.startswith(f"00-{TRACE}-".encode())
    assert traceparent.endswith(b"-00")


async def test_a_call_without_a_trace_begins_one(collector: Collector, issuer: Issuer) -> None:
    things = Stub()
    await spans_of(collector, issuer, things, "/things/7", traceparent="nonsense", tracestate="vendor=1")

    served, called = collector.span("gateway", "GET /things/{id}"), collector.span("gateway", "GET")
    assert served.parent == ""
    assert things.last.all(b"traceparent") == [f"00-{served.trace}-{called.id}-03".encode()], (
        "sampled, random"
    )
    assert things.last.all(b"tracestate") == []


async def test_failures_are_errors_by_their_kind(collector: Collector, issuer: Issuer) -> None:
    things = Stub(answering(503, b""))
    await spans_of(collector, issuer, things, "/things/7", "/gone", "/mine")

    served, called = collector.span("gateway", "GET /things/{id}"), collector.of("gateway")[0]
    assert (served.about["error.type"], served.is_error) == ("503", True)
    assert (called.about["error.type"], called.is_error) == ("503", True)
    gone = collector.span("gateway", "GET /gone")
    assert (gone.about["http.response.status_code"], gone.about["error.type"]) == (503, "503")
    within_gone = next(span for span in collector.of("gateway") if span.parent == gone.id)
    assert within_gone.about["error.type"] == "unavailable"
    refused = collector.span("gateway", "GET /mine")
    assert refused.about["http.response.status_code"] == 401
    assert not refused.is_error, "a refusal is no failure of the server"


async def test_a_span_lasts_as_long_as_its_streamed_answer(collector: Collector, issuer: Issuer) -> None:
    async def two_pieces(exchange: Exchange) -> None:
        await exchange.start(200)
        await exchange.chunk(b"one")
        await exchange.end(b"two")

    (answer,) = await spans_of(collector, issuer, Stub(two_pieces), "/files/a/b", **SAMPLED)

    assert answer.content == b"onetwo"
    assert {span.name for span in collector.spans} == {"GET /files/{rest:path}", "GET"}


async def test_the_redirect_to_a_folder_of_files_has_its_own_path(
    collector: Collector, tmp_path: Path
) -> None:
    (tmp_path / "index.html").write_text("<p>guide")
    table = route_table(route("/guide/{file:path}", to=None, files=str(tmp_path)), services={"things": {}})

    async with (
        servers() as serve,
        client_of(await serve(gateway_of(table, {"things": nobody_there()}))) as http,
    ):
        assert (await http.get("/guide", headers=SAMPLED)).headers["location"] == "/guide/"

    assert collector.span("gateway", "GET /guide/{file:path}").about["url.path"] == "/guide"


async def test_checks_of_health_have_no_spans(collector: Collector, issuer: Issuer) -> None:
    await spans_of(collector, issuer, Stub(), "/health/ready", "/health/live")

    assert collector.spans == []
