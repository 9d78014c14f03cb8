"""What services respond with reaches a page's client with its meaning, and never becomes a bug of ours."""

from typing import Any

import pytest

from frontispiece.pages import Body, Page
from tests.frontispiece.pages.conftest import Serve
from tests.support.pages import Things, page_of, things_of
from tests.support.stub import Stub, answering

PROBLEM = (b"content-type", b"application/problem+json")
JSON = (b"content-type", b"application/json")
HUGE = b"1" + b"0" * 400

LINES = "application/x-ndjson"


async def thing(things: Things) -> Any:
    return await things.thing("a")


PAGE = page_of(thing, path="/thing", deadline=60)


@pytest.mark.parametrize("accept", ["application/json", LINES])
async def test_the_problem_of_a_required_source_is_the_services_own(serve: Serve, accept: str) -> None:
    members = b'"left":2,"size":%b,"headers":{"a":[null]}' % HUGE
    content = (
        b'{"type":"https://things.example/sold-out","title":"Sold out today","detail":"No.",%b}' % members
    )
    service = Stub(answering(409, content, PROBLEM))

    async with things_of(service) as providers, serve(PAGE, providers=providers) as http:
        answer = await http.get("/thing", headers={"Accept": accept})

    assert (answer.status_code, answer.headers["content-type"]) == (409, "application/problem+json")
    assert answer.json() == {
        "type": "https://things.example/sold-out",
        "title": "Sold out today",
        "status": 409,
        "detail": "No.",
        "left": 2,
        "size": int(HUGE),
        "headers": {"a": [None]},
        "source": "thing",
    }
    assert HUGE in answer.content


async def test_a_service_that_has_nothing_to_show_yet_is_not_ready(serve: Serve) -> None:
    service = Stub(answering(202, b"", (b"retry-after", b"2")))

    async with things_of(service) as providers, serve(PAGE, providers=providers) as http:
        answer = await http.get("/thing")

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")


ODD = {
    "a number beyond all types": HUGE,
    "a float beyond all types": b"1e400",
    "a number beyond what Python reads": b"1" + b"0" * 5000,
    "nested too deeply": b"[" * 50_000 + b"]" * 50_000,
    "nested deeply": b'{"a":' * 190 + b"1" + b"}" * 190,
    "half a surrogate": b'"\\ud800"',
    "no UTF-8": b'"\xff"',
    "a year beyond all calendars": b'"0000-99-99T99:99:99Z"',
}


@pytest.mark.parametrize("content", ODD.values(), ids=ODD)
@pytest.mark.parametrize("accept", ["application/json", LINES, "application/vnd.frontispiece.timeline+json"])
async def test_odd_data_of_a_service_is_shown_or_a_502_and_never_a_bug(
    serve: Serve, caplog: pytest.LogCaptureFixture, content: bytes, accept: str
) -> None:
    service = Stub(answering(200, content, JSON))

    async with (
        things_of(service) as providers,
        serve(PAGE, providers=providers, expose_timeline=True) as http,
    ):
        answer = await http.get("/thing", headers={"Accept": accept})

    assert answer.status_code in {200, 502}
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize("content", ODD.values(), ids=ODD)
async def test_odd_data_of_a_client_is_taken_or_a_422_and_never_a_bug(
    serve: Serve, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    page = Page("/thing", deadline=60, method="POST")

    @page.source()
    async def echo(sent: Body[Any]) -> Any:
        return sent

    @page.view
    def view(echo: Any) -> Any:
        return echo

    async with serve(page) as http:
        answer = await http.post("/thing", content=content, headers={"Content-Type": "application/json"})

    assert answer.status_code in {200, 413, 422}
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
