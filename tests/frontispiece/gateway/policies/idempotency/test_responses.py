"""Which responses are stored, and how."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import valkey

from frontispiece.gateway.call import Call
from frontispiece.gateway.policies.idempotency import layer as idempotency
from frontispiece.gateway.policies.idempotency.stores import MemoryRecordStore, RecordStore
from frontispiece.http.problems import Problem
from frontispiece.stores.valkey import ValkeyUnavailable
from frontispiece.upstream import (
    ClientDisconnected,
    InvalidResponse,
    Reply,
    TimedOut,
    Unreachable,
    UpstreamError,
)
from tests.support.calls import in_chunks
from tests.support.intents import Make, Service, call, outcome, refused


@pytest.mark.parametrize("status", [500, 503, 401, 403, 409, 425, 429])
async def test_a_response_that_is_not_final_is_not_stored(make: Make, status: int) -> None:
    service = Service()
    service.status = status
    handler = make(service)

    assert await outcome(await handler(call())) == (status, b'{"id":1}', False)
    service.status = 201
    assert await outcome(await handler(call())) == (201, b'{"id":2}', False)


@pytest.mark.parametrize("status", [200, 303, 400, 404, 410, 422])
async def test_refusals_of_the_request_itself_are_stored(make: Make, status: int) -> None:
    service = Service()
    service.status = status
    handler = make(service)

    await outcome(await handler(call()))
    assert await outcome(await handler(call())) == (status, b'{"id":1}', True)


@pytest.mark.parametrize(
    "failure", [Unreachable("gone"), TimedOut("late"), Problem(422, "x"), ClientDisconnected()]
)
async def test_a_call_that_failed_may_be_made_again(make: Make, failure: Exception) -> None:
    service = Service()
    service.failure = failure
    handler = make(service)

    with pytest.raises(type(failure)):
        await handler(call())
    service.failure = None
    assert await outcome(await handler(call())) == (201, b'{"id":2}', False)


async def test_a_response_that_breaks_off_is_a_failure_and_not_stored(make: Make) -> None:
    async def broken(_number: int = 0) -> AsyncIterator[bytes]:
        yield b"half"
        raise InvalidResponse("it broke off")

    service = Service()
    service.body = broken
    handler = make(service)

    with pytest.raises(UpstreamError, match="broke off"):
        await handler(call())
    assert service.released == 1
    service.body = lambda _: in_chunks(b"who", b"le")
    assert await outcome(await handler(call())) == (201, b"whole", False)
    assert service.released == 2
    assert await outcome(await handler(call())) == (201, b"whole", True)


async def test_long_and_endless_responses_pass_and_are_not_stored(make: Make) -> None:
    service = Service()
    long = b"x" * (idempotency.MAX_BODY // 2 + 1)
    service.body = lambda _: in_chunks(long, long, b"end")
    handler = make(service)
    assert await outcome(await handler(call())) == (201, long + long + b"end", False)

    async def endless(_number: int = 0) -> AsyncIterator[bytes]:
        yield b"data: 1\n\n"
        await asyncio.Event().wait()

    service.headers, service.body = [(b"content-type", b"text/event-stream")], endless
    async with await handler(call()) as stream:
        assert await anext(stream.chunks()) == b"data: 1\n\n"
    assert len(service.created) == 2


async def test_a_response_to_half_a_request_is_not_stored(make: Make) -> None:
    async def hasty(call: Call) -> Reply:
        assert not isinstance(call.body, bytes)
        await anext(call.body)
        return Reply.whole(200, b"", [])

    handler = make(hasty)
    for _ in range(2):
        assert not (await outcome(await handler(call(body=in_chunks(b"a", b"b")))))[2]


@pytest.mark.parametrize("records", ["valkey"], indirect=True)
async def test_valkey_has_neither_the_key_nor_the_caller_nor_the_response_and_expires_them(
    make: Make, valkey_url: str
) -> None:
    await outcome(await make(Service())(call("my-key", user="reader@shop")))
    with valkey.Valkey.from_url(valkey_url) as client:
        (name,) = client.keys("*")
        everything = name + client.get(name)
        assert 3_500_000 < client.pttl(name) <= 3_600_000
    assert not any(word in everything for word in (b"my-key", b"reader", b'"id"', b"json"))


@pytest.mark.parametrize("records", ["valkey"], indirect=True)
async def test_garbage_in_valkey_is_no_response(make: Make, valkey_url: str) -> None:
    handler = make(Service())
    await outcome(await handler(call()))
    with valkey.Valkey.from_url(valkey_url) as client:
        client.set(client.keys("*")[0], b"=garbage")
    assert (await refused(handler, call())).kind == "idempotency-unavailable"


async def test_records_in_memory_are_bounded_and_expire() -> None:
    now = 0.0
    memory = MemoryRecordStore(max_bytes=10, clock=lambda: now)
    for place in ("a", "b", "c"):
        assert await memory.claim(place, b"?1", 5) is None
        assert await memory.complete(place, b"?1", b"=" * 5, 60)
    assert [await memory.claim(place, b"?2", 5) for place in ("b", "c")] == [b"=" * 5] * 2
    assert await memory.claim("a", b"?2", 5) is None, "the oldest made room"
    now = 61.0
    assert await memory.claim("c", b"?2", 5) is None
    assert not await memory.complete("c", b"?1", b"=", 60), "another word is there"


@pytest.mark.parametrize("status", [201, 503])
async def test_a_store_that_fails_meanwhile_does_not_fail_the_call(
    make: Make,
    records: RecordStore,
    status: int,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def unavailable(*_args: object) -> None:
        raise ValkeyUnavailable

    service = Service()
    service.status = status
    for method in ("complete", "release"):
        monkeypatch.setattr(records, method, unavailable)
    handler = make(service)
    assert await outcome(await handler(call())) == (status, b'{"id":1}', False)
    assert (await refused(handler, call())).kind == "request-in-progress", "the claim ends by itself"
    assert "could not be" in caplog.text
