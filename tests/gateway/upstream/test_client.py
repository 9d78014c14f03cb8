"""A service as a page asks it: typed answers, and failures that say what happened."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from gateway.upstream import (
    Authorization,
    Context,
    Failed,
    Nonsense,
    Refused,
    Service,
    TimedOut,
    Unreachable,
    Upstream,
    UpstreamError,
)
from gateway.upstream.client import MAX_ANSWER
from gateway.upstream.mounted import MountedTransport
from gateway.upstream.over_httpx import HttpxTransport
from kit.problems import Problem
from tests.support.serving import nobody_there
from tests.support.stub import Answer, Exchange, Stub, answering

JSON = (b"content-type", b"application/json")
PROBLEM = (b"content-type", b"application/problem+json")


class Thing(msgspec.Struct):
    """All that a page wants to know of a thing."""

    name: str
    tags: list[str] = []


def context(seconds: float = 5.0, *headers: tuple[bytes, bytes]) -> Context:
    return Context.of(list(headers), asyncio.get_running_loop().time() + seconds)


@pytest.fixture
def stub() -> Stub:
    return Stub()


@pytest.fixture
async def upstream(stub: Stub) -> AsyncIterator[Upstream]:
    async with Upstream("things", MountedTransport(stub)) as upstream:
        yield upstream


@pytest.fixture
async def things(upstream: Upstream) -> Service:
    return upstream.within(context())


async def test_members_that_nobody_asked_for_are_passed_over(stub: Stub, things: Service) -> None:
    stub.answer = answering(200, b'{"name":"pen","price":{"amount":1},"new":[1]}', JSON)

    assert await things.get("/things/1?x=1", Thing) == Thing(name="pen")
    assert (stub.last.method, stub.last.path, stub.last.query) == ("GET", b"/things/1", b"x=1")
    assert stub.last.all(b"accept") == [b"application/json"]


async def test_a_body_goes_as_json_with_headers_of_its_own(stub: Stub, things: Service) -> None:
    stub.answer = answering(201, b'{"name":"pen"}', JSON)

    made = await things.send(
        "POST", "/things", Thing, body=Thing(name="pen"), headers=((b"idempotency-key", b"k1"),)
    )

    assert made == Thing(name="pen")
    assert msgspec.json.decode(stub.last.body) == {"name": "pen", "tags": []}
    assert (stub.last.all(b"content-type"), stub.last.all(b"idempotency-key")) == (
        [b"application/json"],
        [b"k1"],
    )


async def test_an_answer_that_nobody_reads_may_be_empty(stub: Stub, things: Service) -> None:
    stub.answer = answering(204, b"")

    await things.send("DELETE", "/things/1", type(None))

    assert (stub.last.method, stub.last.path) == ("DELETE", b"/things/1")


async def test_every_call_carries_who_asks_and_under_which_name_and_nothing_else(
    stub: Stub, upstream: Upstream
) -> None:
    stub.answer = answering(200, b'{"name":"pen"}', JSON)
    carried = [(b"x-request-id", b"r-1"), (b"traceparent", b"00-a-b-01"), (b"tracestate", b"a=1")]
    credentials = (b"authorization", b"Bearer from outside"), (b"cookie", b"c=1")
    given = context(5, *carried, *credentials, (b"accept-language", b"de"))

    def proof(service: str) -> bytes:
        return b"Bearer for " + service.encode()

    await upstream.within(replace(given, authorization=proof)).get("/things/1", Thing)

    assert [
        field for field in stub.last.headers if field[0] not in {b"host", b"accept", b"x-timeout-ms"}
    ] == [
        *carried,
        (b"authorization", b"Bearer for things"),
    ]


@pytest.mark.parametrize("authorization", [None, lambda _service: None])
async def test_a_call_on_nobodys_behalf_carries_no_proof_of_anybody(
    stub: Stub, upstream: Upstream, authorization: Authorization | None
) -> None:
    stub.answer = answering(200, b'{"name":"pen"}', JSON)
    given = context(5, (b"authorization", b"Bearer from outside"))

    await upstream.within(replace(given, authorization=authorization)).get("/things/1", Thing)

    assert stub.last.all(b"authorization") == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no json",
        b"[]",
        b'{"name":7}',
        b"{}",
        b'{"name":"a"',
        b'{"name":"\xff"}',
        b'{"name":null}',
        b"null",
    ],
)
async def test_an_answer_that_does_not_fit_is_nonsense(stub: Stub, things: Service, content: bytes) -> None:
    stub.answer = answering(200, content, JSON)

    with pytest.raises(Nonsense, match="its answer cannot be read"):
        await things.get("/things/1", Thing)


async def test_an_endless_answer_is_nonsense_and_not_kept_in_memory(stub: Stub, things: Service) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.start()
        while True:
            await exchange.chunk(b" " * (MAX_ANSWER // 4))

    stub.answer = answer

    with pytest.raises(Nonsense, match="longer than"):
        await things.get("/things/1", Thing)
    assert stub.last.ended.is_set()


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_an_answer_of_a_failing_service_is_a_failure_whatever_it_says(
    stub: Stub, things: Service, status: int
) -> None:
    stub.answer = answering(status, b'{"name":"pen"}', JSON)

    with pytest.raises(Failed, match=f"it answered {status}"):
        await things.get("/things/1", Thing)


async def refusal(stub: Stub, things: Service, answer: Answer) -> Refused:
    stub.answer = answer
    with pytest.raises(Refused) as refused:
        await things.get("/things/1", Thing)
    return refused.value


async def test_a_refusal_is_passed_on_with_its_problem_and_its_retry_after(
    stub: Stub, things: Service
) -> None:
    told = {"type": "urn:things:out", "title": "Out", "status": 409, "detail": "No pens.", "request_id": "r",
            "left": 0, "lines": [{"sku": "PEN"}]}  # fmt: skip
    answer = answering(409, msgspec.json.encode(told), PROBLEM, (b"retry-after", b"17"))

    problem = (await refusal(stub, things, answer)).problem("things")

    assert (problem.status, problem.type, problem.detail) == (409, "urn:things:out", "No pens.")
    assert problem.headers == {"Retry-After": "17"}
    assert problem.members == {"left": 0, "lines": [{"sku": "PEN"}]}


@pytest.mark.parametrize("status", [401, 403, 404, 409, 410, 412, 422, 428, 429])
async def test_a_refusal_that_concerns_the_client_keeps_its_status_without_a_problem_too(
    stub: Stub, things: Service, status: int
) -> None:
    refused = await refusal(stub, things, answering(status, b"<html>", (b"content-type", b"text/html")))

    problem = refused.problem("things")
    assert (problem.status, problem.kind, problem.detail) == (status, f"upstream-answered-{status}", None)


@pytest.mark.parametrize("status", [400, 405, 406, 413, 415, 418])
async def test_a_refusal_that_is_our_own_fault_is_not_laid_on_the_client(
    stub: Stub, things: Service, status: int
) -> None:
    answer = answering(status, b'{"type":"urn:things:odd","detail":"secret"}', PROBLEM)

    problem = (await refusal(stub, things, answer)).problem("things")

    assert (problem.status, problem.kind) == (502, "upstream-failed")
    assert problem.detail == f"things: it answered {status}."


@pytest.mark.parametrize("name", ["kind", "headers", "self", "status", "members", "detail", "title", "body"])
async def test_a_problem_may_have_members_of_any_name(stub: Stub, things: Service, name: str) -> None:
    told = {"type": "urn:things:odd", name: {"x": 1}}

    problem: Problem = (
        await refusal(stub, things, answering(409, msgspec.json.encode(told), PROBLEM))
    ).problem("things")

    assert (problem.status, problem.type) == (409, "urn:things:odd")
    written: dict[str, Any] = msgspec.json.decode(problem.body())
    assert written["status"] == 409
    assert (written.get(name) == {"x": 1}) == (name not in {"status", "detail", "title"})


@pytest.mark.parametrize("content", [b"", b"[]", b"no json", b'{"type":', b"\xff"])
async def test_a_problem_that_cannot_be_read_is_nonsense(stub: Stub, things: Service, content: bytes) -> None:
    stub.answer = answering(404, content, PROBLEM)

    with pytest.raises(Nonsense, match="its problem cannot be read"):
        await things.get("/things/1", Thing)


async def test_the_time_that_is_left_is_all_that_a_call_may_take(stub: Stub, upstream: Upstream) -> None:
    stub.answer = Exchange.until_left

    async with asyncio.timeout(5):
        with pytest.raises(TimedOut, match=r"no answer in 0\.0[45]"):
            await upstream.within(context(0.05)).get("/things/1", Thing)
        await stub.last.ended.wait()


async def test_without_time_left_nobody_is_asked(stub: Stub, upstream: Upstream) -> None:
    with pytest.raises(TimedOut, match="no time left"):
        await upstream.within(context(-1)).get("/things/1", Thing)

    assert not stub.asked


async def test_a_service_that_is_not_there_is_unreachable() -> None:
    async with Upstream("things", HttpxTransport(nobody_there())) as upstream:
        with pytest.raises(Unreachable) as failure:
            await upstream.within(context()).get("/things/1", Thing)

    told: UpstreamError = failure.value
    assert told.problem("things").headers == {"Retry-After": "1"}
