"""Which answers are kept, and how."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import valkey

from gateway.call import Call
from gateway.idempotency import MemoryAnswers, ValkeyAnswers
from gateway.layers import idempotency
from gateway.layers.deadline import within
from gateway.layers.idempotency import once
from gateway.policies.idempotency import Idempotency
from gateway.running import Running
from gateway.shared import Shared
from gateway.upstream import ClientLeft, Nonsense, Reply, TimedOut, Unreachable, UpstreamError
from kit.problems import Problem
from tests.support.intents import Make, Service, call, pieces, refused, told


@pytest.mark.parametrize("status", [500, 503, 401, 403, 409, 425, 429])
async def test_an_answer_that_is_not_the_last_word_is_not_kept(make: Make, status: int) -> None:
    service = Service()
    service.status = status
    handler = make(service)

    assert await told(await handler(call())) == (status, b'{"id":1}', False)
    service.status = 201
    assert await told(await handler(call())) == (201, b'{"id":2}', False)


@pytest.mark.parametrize("status", [200, 303, 400, 404, 410, 422])
async def test_refusals_of_the_request_itself_are_answers_like_others(make: Make, status: int) -> None:
    service = Service()
    service.status = status
    handler = make(service)

    await told(await handler(call()))
    assert await told(await handler(call())) == (status, b'{"id":1}', True)


@pytest.mark.parametrize("failure", [Unreachable("gone"), TimedOut("late"), Problem(422, "x"), ClientLeft()])
async def test_a_call_that_failed_may_be_made_again(make: Make, failure: Exception) -> None:
    service = Service()
    service.failure = failure
    handler = make(service)

    with pytest.raises(type(failure)):
        await handler(call())
    service.failure = None
    assert await told(await handler(call())) == (201, b'{"id":2}', False)


async def test_a_call_that_took_too_long_may_be_made_again(make: Make) -> None:
    async def slow(_call: Call) -> Reply:
        await asyncio.Event().wait()
        raise AssertionError

    handler = make(within(timedelta(milliseconds=1))(slow))
    for _ in range(2):
        with pytest.raises(TimedOut):
            await handler(call())


async def test_an_answer_that_breaks_off_is_told_as_a_failure_and_not_kept(make: Make) -> None:
    async def broken(_number: int = 0) -> AsyncIterator[bytes]:
        yield b"half"
        raise Nonsense("it broke off")

    service = Service()
    service.body = broken
    handler = make(service)

    with pytest.raises(UpstreamError, match="broke off"):
        await handler(call())
    assert service.released == 1
    service.body = lambda _: pieces(b"who", b"le")
    assert await told(await handler(call())) == (201, b"whole", False)
    assert service.released == 2
    assert await told(await handler(call())) == (201, b"whole", True)


async def test_long_and_endless_answers_pass_and_are_not_kept(make: Make) -> None:
    service = Service()
    long = b"x" * (idempotency.MOST_BYTES // 2 + 1)
    service.body = lambda _: pieces(long, long, b"end")
    handler = make(service)
    assert await told(await handler(call())) == (201, long + long + b"end", False)

    async def endless(_number: int = 0) -> AsyncIterator[bytes]:
        yield b"data: 1\n\n"
        await asyncio.Event().wait()

    service.headers, service.body = [(b"content-type", b"text/event-stream")], endless
    async with await handler(call()) as stream:
        assert await anext(stream.chunks()) == b"data: 1\n\n"
    assert len(service.created) == 2


async def test_an_answer_to_half_a_request_is_not_kept(make: Make) -> None:
    async def hasty(call: Call) -> Reply:
        assert not isinstance(call.body, bytes)
        await anext(call.body)
        return Reply.whole(200, b"", [])

    handler = make(hasty)
    for _ in range(2):
        assert not (await told(await handler(call(body=pieces(b"a", b"b")))))[2]


async def test_valkey_has_neither_the_key_nor_the_caller_nor_the_answer_and_forgets_them_in_time(
    valkey_url: str,
) -> None:
    async with Shared(valkey_url, answers_within=30) as shared, Running() as running:
        policy = Idempotency.model_validate({"ttl": "1h"})
        handler = once(policy, "POST /a", ValkeyAnswers(shared), running, timeout=5)(Service())
        await told(await handler(call("my-key", user="reader@shop")))
    with valkey.Valkey.from_url(valkey_url) as client:
        (name,) = client.keys("*")
        everything = name + client.get(name)
        assert 3_500_000 < client.pttl(name) <= 3_600_000
    assert not any(word in everything for word in (b"my-key", b"reader", b'"id"', b"json"))


async def test_garbage_in_valkey_is_no_answer(valkey_url: str) -> None:
    async with Shared(valkey_url, answers_within=30) as shared, Running() as running:
        policy = Idempotency.model_validate({})
        handler = once(policy, "POST /a", ValkeyAnswers(shared), running, timeout=5)(Service())
        await told(await handler(call()))
        with valkey.Valkey.from_url(valkey_url) as client:
            client.set(client.keys("*")[0], b"=garbage")
        assert (await refused(handler, call())).kind == "idempotency-unavailable"


async def test_memory_has_an_end_and_what_is_kept_in_it_too() -> None:
    now = 0.0
    memory = MemoryAnswers(most_bytes=10, clock=lambda: now)
    for place in ("a", "b", "c"):
        assert await memory.claim(place, b"?1", 5) is None
        assert await memory.keep(place, b"?1", b"=" * 5, 60)
    assert [await memory.claim(place, b"?2", 5) for place in ("b", "c")] == [b"=" * 5] * 2
    assert await memory.claim("a", b"?2", 5) is None, "the oldest made room"
    now = 61.0
    assert await memory.claim("c", b"?2", 5) is None
    assert not await memory.keep("c", b"?1", b"=", 60), "another word is there"
