"""A service as a page asks it: typed answers, and failures that say what happened."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from frontispiece.security import ANONYMOUS, Signer
from frontispiece.testing.clock import leaping_clock
from frontispiece.upstream import (
    Authorization,
    Context,
    Headers,
    InvalidResponse,
    Service,
    Upstream,
    UpstreamClientError,
    UpstreamServerError,
    batch_path,
)
from frontispiece.upstream.client import MAX_BODY
from frontispiece.upstream.errors import ServiceUnavailable
from frontispiece.upstream.transports.asgi import AsgiTransport
from tests.support.stub import Answer, Exchange, Stub, answering

JSON = (b"content-type", b"application/json")
PROBLEM = (b"content-type", b"application/problem+json")


class Thing(msgspec.Struct):
    """All that a page wants to know of a thing."""

    name: str
    tags: list[str] = []


def context(seconds: float = 60.0, *headers: tuple[bytes, bytes]) -> Context:
    return Context.of(list(headers), asyncio.get_running_loop().time() + seconds)


@pytest.fixture
async def upstream(stub: Stub) -> AsyncIterator[Upstream]:
    async with Upstream("things", AsgiTransport(stub)) as upstream:
        yield upstream


@pytest.fixture
async def things(upstream: Upstream) -> Service:
    return upstream.within(context())


async def test_a_body_goes_as_json_with_headers_of_its_own(stub: Stub, things: Service) -> None:
    stub.answer = answering(201, b'{"name":"pen"}', JSON)

    made = await things.send(
        "POST", "/things", Thing, body=Thing(name="pen"), headers=((b"idempotency-key", b"k1"),)
    )

    assert made == Thing(name="pen")
    assert msgspec.json.decode(stub.last.body) == {"name": "pen", "tags": []}
    assert stub.last.all(b"content-type") == [b"application/json"]
    assert stub.last.all(b"idempotency-key") == [b"k1"]


@pytest.mark.parametrize("status", [201, 409])
async def test_the_headers_of_any_response_can_be_read(stub: Stub, things: Service, status: int) -> None:
    stub.answer = answering(status, b'{"name":"pen"}', JSON, (b"position", b"7"))
    headers: Headers = []

    with suppress(UpstreamClientError):
        await things.send("POST", "/things", Thing, on_headers=headers.extend)

    assert (b"position", b"7") in headers


async def test_a_response_may_be_empty_where_no_type_is_expected(stub: Stub, things: Service) -> None:
    stub.answer = answering(204, b"")

    await things.send("DELETE", "/things/1", type(None))

    assert (stub.last.method, stub.last.path) == ("DELETE", b"/things/1")


async def test_every_call_carries_the_token_and_the_trace_and_no_other_header_of_the_request(
    stub: Stub, upstream: Upstream
) -> None:
    stub.answer = answering(200, b'{"name":"pen"}', JSON)
    carried = [(b"x-request-id", b"r-1"), (b"traceparent", b"00-a-b-01"), (b"tracestate", b"a=1")]
    credentials = (b"authorization", b"Bearer from outside"), (b"cookie", b"c=1")
    incoming = context(60, *carried, *credentials, (b"accept-language", b"de"))

    proven = replace(incoming, authorization=lambda service: b"Bearer for " + service.encode())
    await upstream.within(proven).get("/things/1", Thing)

    own = {b"host", b"accept", b"x-timeout-ms"}
    sent = [field for field in stub.last.headers if field[0] not in own]
    assert sent == [*carried, (b"authorization", b"Bearer for things")]


async def test_a_request_that_takes_long_renews_the_token_of_its_calls(
    stub: Stub, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, signing_key: str
) -> None:
    stub.answer = answering(200, b'{"name":"pen"}', JSON)
    signer = Signer(signing_key, "bff")
    things = upstream.within(replace(context(120), authorization=partial(signer.authorization, ANONYMOUS)))
    with leaping_clock(monkeypatch) as clock:
        for _ in range(3):
            await things.get("/things/1", Thing)
            clock.advance(30)

    first, second, third = (exchange.all(b"authorization") for exchange in stub.requests)
    assert first == second != third, "it expires after a minute"


@pytest.mark.parametrize("authorization", [None, lambda _service: None])
async def test_an_anonymous_call_has_no_authorization(
    stub: Stub, upstream: Upstream, authorization: Authorization | None
) -> None:
    stub.answer = answering(200, b'{"name":"pen"}', JSON)
    incoming = context(60, (b"authorization", b"Bearer from outside"))

    await upstream.within(replace(incoming, authorization=authorization)).get("/things/1", Thing)

    assert stub.last.all(b"authorization") == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"name":7}',
        b"{}",
        b'{"name":"a"',
        b'{"name":"\xff"}',
        b"null",
        b'{"name":"a","unknown":%b}' % (b"[" * 50_000 + b"]" * 50_000),
    ],
    ids=range(7),
)
async def test_an_answer_that_does_not_fit_is_invalid(stub: Stub, things: Service, content: bytes) -> None:
    stub.answer = answering(200, content, JSON)

    with pytest.raises(InvalidResponse, match="its answer cannot be read"):
        await things.get("/things/1", Thing)


@pytest.mark.parametrize("shape", [Thing, type(None)])
async def test_a_redirect_is_an_invalid_response(stub: Stub, things: Service, shape: type[Any]) -> None:
    stub.answer = answering(302, b'{"name":"a"}', JSON, (b"location", b"/elsewhere"))

    with pytest.raises(InvalidResponse, match="it answered 302"):
        await things.get("/things/1", shape)


async def test_an_endless_response_is_invalid_and_not_buffered(stub: Stub, things: Service) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.start()
        while True:
            await exchange.chunk(b" " * (MAX_BODY // 4))

    stub.answer = answer

    with pytest.raises(InvalidResponse, match="longer than"):
        await things.get("/things/1", Thing)
    assert stub.last.ended.is_set()


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_an_answer_of_a_failing_service_is_a_failure_whatever_it_says(
    stub: Stub, things: Service, status: int
) -> None:
    stub.answer = answering(status, b'{"name":"pen"}', JSON)

    with pytest.raises(UpstreamServerError, match=f"it answered {status}"):
        await things.get("/things/1", Thing)


async def refusal(stub: Stub, things: Service, answer: Answer) -> UpstreamClientError:
    stub.answer = answer
    with pytest.raises(UpstreamClientError) as refused:
        await things.get("/things/1", Thing)
    return refused.value


async def test_a_refusal_is_passed_on_with_its_problem_and_its_headers(stub: Stub, things: Service) -> None:
    own = {"left": 0, "lines": [{"sku": "PEN"}]}
    document = {"type": "urn:things:out", "title": "Out", "status": 409, "detail": "No pens.", **own}
    headers = (b"retry-after", b"17"), (b"www-authenticate", b"Bearer"), (b"set-cookie", b"a=1")
    answer = answering(409, msgspec.json.encode({**document, "request_id": "r"}), PROBLEM, *headers)

    problem = (await refusal(stub, things, answer)).problem("things")

    assert problem.headers == {"Retry-After": "17", "WWW-Authenticate": "Bearer"}
    assert msgspec.json.decode(problem.body()) == document


@pytest.mark.parametrize(
    ("members", "kind", "title"),
    [
        ('"type":"https://a.example/out","title":"None left"', "https://a.example/out", "None left"),
        ('"type":"/probs/gone","title":"It is gone"', "/probs/gone", "It is gone"),
        ('"type":"gone"', "gone", "Gone"),
        ('"type":"https://a.example/not-here/"', "https://a.example/not-here/", "Not here"),
        ('"type":"about:blank"', "about:blank", "Not Found"),
        ('"title":"It is gone"', "about:blank", "It is gone"),
        ('"type":7,"title":["x"],"detail":{}', "about:blank", "Not Found"),
        ('"type":"urn:things:odd","title":null', "urn:things:odd", "Odd"),
    ],
)
async def test_a_problem_keeps_its_type_and_its_title(
    stub: Stub, things: Service, members: str, kind: str, title: str
) -> None:
    answer = answering(404, f"{{{members}}}".encode(), PROBLEM)

    problem = (await refusal(stub, things, answer)).problem("things")

    assert msgspec.json.decode(problem.body()) == {"type": kind, "title": title, "status": 404}


async def test_all_challenges_of_a_401_are_passed_on(stub: Stub, things: Service) -> None:
    headers = (b"www-authenticate", b'Bearer realm="a"'), (b"www-authenticate", b"DPoP")

    problem = (await refusal(stub, things, answering(401, b"", *headers))).problem("things")

    assert problem.headers == {"WWW-Authenticate": 'Bearer realm="a",DPoP'}


@pytest.mark.parametrize("status", [401, 403, 404, 409, 410, 412, 422, 428, 429])
async def test_a_refusal_that_concerns_the_client_keeps_its_status_without_a_problem_too(
    stub: Stub, things: Service, status: int
) -> None:
    refused = await refusal(stub, things, answering(status, b"<html>", (b"content-type", b"text/html")))

    problem = refused.problem("things")
    assert (problem.status, problem.kind, problem.detail) == (status, f"upstream-answered-{status}", None)


@pytest.mark.parametrize("status", [400, 405, 406, 413, 415, 418])
async def test_a_refusal_of_the_callers_own_making_is_a_502(stub: Stub, things: Service, status: int) -> None:
    answer = answering(status, b'{"type":"urn:things:odd","detail":"secret"}', PROBLEM)

    problem = (await refusal(stub, things, answer)).problem("things")

    assert (problem.status, problem.kind) == (502, "upstream-failed")
    assert problem.detail == f"things: it answered {status}."


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"type":',
        b'{"x":"\xff"}',
        b'{"x":"\\ud800"}',
        b'{"x":%b}' % (b"[" * 100_000 + b"]" * 100_000),
    ],
    ids=range(6),
)
async def test_a_refusal_whose_problem_cannot_be_read_keeps_its_status(
    stub: Stub, things: Service, content: bytes
) -> None:
    problem = (await refusal(stub, things, answering(404, content, PROBLEM))).problem("things")

    assert (problem.status, problem.kind, problem.members) == (404, "upstream-answered-404", {})


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        (b"7", range(7, 8)),
        (b"Fri, 31 Dec 2049 23:59:59 GMT", range(10_000_000, 10**9)),
        (b"Fri, 31 Dec 9999 23:59:59 GMT", range(10**9, 10**12)),
        (b"Sat, 01 Jan 0000 00:00:00 GMT", range(1, 2)),
        (b"Wed, 01 Jan 2020 00:00:00 GMT", range(1, 2)),
        (b"1" * 400, range(10**9, 10**9 + 1)),
        (b"soon", range(1, 2)),
    ],
)
async def test_a_503_of_the_service_stays_one_with_its_retry_after(
    stub: Stub, things: Service, retry_after: bytes, seconds: range
) -> None:
    stub.answer = answering(503, b"", (b"retry-after", retry_after))

    with pytest.raises(ServiceUnavailable) as failure:
        await things.get("/things/1", Thing)

    problem = failure.value.problem("things")
    assert (problem.status, int(problem.headers["Retry-After"]) in seconds) == (503, True)


def test_the_keys_of_a_batch_read_are_percent_encoded() -> None:
    path = batch_path("/things", "id", ["b-1", "a&id=b", "ö /?#"])

    assert path == "/things?id=b-1&id=a%26id%3Db&id=%C3%B6%20%2F%3F%23"
