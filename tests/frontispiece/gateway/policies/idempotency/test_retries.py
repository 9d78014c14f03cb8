"""What becomes of calls with an `Idempotency-Key`, in Valkey and in memory alike."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from frontispiece.gateway.call import Call
from frontispiece.security import ANONYMOUS, Identity
from frontispiece.upstream import Reply
from tests.support.calls import in_chunks
from tests.support.intents import Make, Service, call, outcome, refused
from tests.support.waiting import until


async def test_a_repeated_call_gets_the_first_response(make: Make, counts: Counter[str]) -> None:
    service = Service()
    handler = make(service)

    assert await outcome(await handler(call(body=in_chunks(b"{", b"}")))) == (201, b'{"id":1}', False)
    again = await handler(call(body=in_chunks(b"{}")))
    assert again.headers == [
        (b"content-type", b"application/json"),
        (b"content-length", b"8"),
        (b"idempotency-replayed", b"true"),
    ], "no cookie is set anew"
    assert await outcome(again) == (201, b'{"id":1}', True)
    assert await outcome(await handler(call('"k-1"'))) == (201, b'{"id":1}', True), "as the draft writes it"
    assert len(service.created) == 1
    assert counts == {"stored": 1, "replayed": 2}


async def test_a_response_without_a_body_stays_without_a_length(make: Make) -> None:
    service = Service()
    service.status, service.body = 204, lambda _: b""
    handler = make(service)

    await outcome(await handler(call()))
    assert (await handler(call())).header(b"content-length") is None


@pytest.mark.parametrize(
    "other",
    [
        {"body": b'{"a":1}'},
        {"query": b"a=1"},
        {"params": {"id": ["2"]}},
        {"kind": b"text/plain"},
        {"method": "PUT"},
    ],
)
async def test_another_request_under_the_same_key_is_refused(make: Make, other: dict[str, Any]) -> None:
    service = Service()
    handler = make(service)
    await outcome(await handler(call()))

    problem = await refused(handler, call(**other))
    assert (problem.status, problem.kind) == (422, "idempotency-key-reused")
    assert len(service.created) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"user": "reader"}, {"user": "clerk"}),
        ({"user": None}, {"user": None, "peer": "192.0.2.8"}),
        ({"user": ANONYMOUS}, {"user": ANONYMOUS, "peer": "192.0.2.8"}),
        ({"user": None}, {"user": "reader"}),
        ({"user": "reader"}, {"user": Identity(subject="reader", scopes=frozenset(), client="mobile")}),
        ({"key": "k-1"}, {"key": "k-2"}),
    ],
)
async def test_no_caller_gets_the_response_of_another(
    make: Make, one: dict[str, Any], other: dict[str, Any]
) -> None:
    handler = make(Service())

    assert await outcome(await handler(call(**one))) == (201, b'{"id":1}', False)
    assert await outcome(await handler(call(**other))) == (201, b'{"id":2}', False)
    assert await outcome(await handler(call(**one))) == (201, b'{"id":1}', True)


async def test_routes_share_no_keys_and_other_calls_are_not_looked_at(make: Make) -> None:
    service = Service()
    one, other = make(service), make(service, route="POST /b")

    for handler, sent in ((one, call()), (other, call()), (one, call(None)), (one, call(None))):
        assert not (await outcome(await handler(sent)))[2]
    assert not (await outcome(await one(call(method="GET"))))[2]
    assert len(service.created) == 5


@pytest.mark.parametrize("key", ["", '""', "a b", "x" * 256, "\x7f", '"a', "é"])
async def test_an_invalid_key_is_refused(make: Make, key: str) -> None:
    service = Service()
    if key == '"a':
        assert (await outcome(await make(service)(call(key))))[0] == 201, "any visible characters will do"
        return
    problem = await refused(make(service), call(key))
    assert (problem.status, problem.kind) == (400, "idempotency-key-invalid")
    assert not service.created


async def test_two_keys_are_none_and_where_one_is_required_none_is_refused(make: Make) -> None:
    twice = call()
    twice.headers.append((b"idempotency-key", b"k-2"))
    assert (await refused(make(Service()), twice)).kind == "idempotency-key-invalid"

    problem = await refused(make(Service(), required=True), call(None))
    assert (problem.status, problem.kind) == (400, "idempotency-key-missing")


async def test_a_call_whose_client_leaves_is_carried_out_to_its_end(make: Make, counts: Counter[str]) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_call: Call) -> Reply:
        begun.set()
        await go_on.wait()
        return Reply.whole(201, b"done", [])

    handler = make(slow)
    leaving = asyncio.ensure_future(handler(call()))
    await begun.wait()
    assert (await refused(handler, call())).kind == "request-in-progress"
    leaving.cancel()
    await asyncio.wait([leaving])
    go_on.set()
    await until(lambda: counts["stored"] == 1)

    assert await outcome(await handler(call())) == (201, b"done", True)
