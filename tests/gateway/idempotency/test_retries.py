"""What becomes of calls with an `Idempotency-Key`, in Valkey and in memory alike."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from gateway.call import Call
from gateway.upstream import Reply
from kit.tokens import NOBODY, Identity
from tests.support.intents import Make, Service, call, pieces, refused, told
from tests.support.waiting import until


async def test_a_retry_gets_the_first_answer_and_does_nothing(make: Make, counts: Counter[str]) -> None:
    service = Service()
    handler = make(service)

    assert await told(await handler(call(body=pieces(b"{", b"}")))) == (201, b'{"id":1}', False)
    again = await handler(call(body=pieces(b"{}")))
    assert again.headers == [
        (b"content-type", b"application/json"),
        (b"content-length", b"8"),
        (b"idempotency-replayed", b"true"),
    ], "no cookie is set anew"
    assert await told(again) == (201, b'{"id":1}', True)
    assert await told(await handler(call('"k-1"'))) == (201, b'{"id":1}', True), "as the draft writes it"
    assert len(service.created) == 1
    assert counts == {"kept": 1, "replayed": 2}


async def test_an_answer_without_a_body_stays_without_a_length(make: Make) -> None:
    service = Service()
    service.status, service.body = 204, lambda _: b""
    handler = make(service)

    await told(await handler(call()))
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
    await told(await handler(call()))

    problem = await refused(handler, call(**other))
    assert (problem.status, problem.kind) == (422, "idempotency-key-reused")
    assert len(service.created) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"user": "reader"}, {"user": "clerk"}),
        ({"user": None}, {"user": None, "peer": "192.0.2.8"}),
        ({"user": NOBODY}, {"user": NOBODY, "peer": "192.0.2.8"}),
        ({"user": None}, {"user": "reader"}),
        ({"user": "reader"}, {"user": Identity(subject="reader", scopes=frozenset(), client="mobile")}),
        ({"key": "k-1"}, {"key": "k-2"}),
    ],
)
async def test_nobody_gets_the_answer_of_somebody_else(
    make: Make, one: dict[str, Any], other: dict[str, Any]
) -> None:
    handler = make(Service())

    assert await told(await handler(call(**one))) == (201, b'{"id":1}', False)
    assert await told(await handler(call(**other))) == (201, b'{"id":2}', False)
    assert await told(await handler(call(**one))) == (201, b'{"id":1}', True)


async def test_routes_share_no_keys_and_other_calls_are_not_looked_at(make: Make) -> None:
    service = Service()
    one, other = make(service), make(service, route="POST /b")

    for handler, sent in ((one, call()), (other, call()), (one, call(None)), (one, call(None))):
        assert not (await told(await handler(sent)))[2]
    assert not (await told(await one(call(method="GET"))))[2]
    assert len(service.created) == 5


async def test_of_two_at_a_time_one_is_told_to_come_again(make: Make) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_call: Call) -> Reply:
        begun.set()
        await go_on.wait()
        return Reply.whole(201, b"done", [])

    handler = make(slow)
    first = asyncio.ensure_future(handler(call()))
    await begun.wait()
    problem = await refused(handler, call())
    assert (problem.status, problem.kind, problem.headers) == (
        409,
        "request-in-progress",
        {"Retry-After": "1"},
    )
    go_on.set()
    assert await told(await first) == (201, b"done", False)
    assert await told(await handler(call())) == (201, b"done", True)


async def test_what_a_client_began_is_finished_and_kept_when_it_leaves(
    make: Make, counts: Counter[str]
) -> None:
    begun, go_on, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slow(_call: Call) -> Reply:
        begun.set()
        await go_on.wait()
        done.set()
        return Reply.whole(201, b"done", [])

    handler = make(slow)
    first = asyncio.ensure_future(handler(call()))
    await begun.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert (await refused(handler, call())).kind == "request-in-progress"
    go_on.set()
    await done.wait()
    await until(lambda: counts["kept"] == 1)
    assert await told(await handler(call())) == (201, b"done", True)


@pytest.mark.parametrize("key", ["", '""', "a b", "x" * 256, "\x7f", '"a', "é"])
async def test_what_is_no_key_is_refused(make: Make, key: str) -> None:
    service = Service()
    if key == '"a':
        assert (await told(await make(service)(call(key))))[0] == 201, "any visible characters will do"
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
