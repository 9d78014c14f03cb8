"""What becomes of calls with an `Idempotency-Key`, in Valkey and in memory alike."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
import valkey

from gateway.call import Call, Handler
from gateway.idempotency import Answers, MemoryAnswers, ValkeyAnswers
from gateway.layers import idempotency
from gateway.layers.deadline import within
from gateway.layers.idempotency import once
from gateway.policies.idempotency import Idempotency
from gateway.running import Running
from gateway.shared import Shared
from gateway.upstream import ClientLeft, Headers, Nonsense, Reply, TimedOut, Unreachable, UpstreamError
from kit.problems import Problem
from kit.tokens import NOBODY, Identity
from tests.support.waiting import until

Make = Callable[..., Handler]


@pytest.fixture(params=["memory", "valkey"])
async def answers(request: pytest.FixtureRequest) -> AsyncIterator[Answers]:
    """Where answers are kept."""
    if request.param == "memory":
        yield MemoryAnswers()
        return
    async with Shared(request.getfixturevalue("valkey_url"), answers_within=30) as shared:
        yield ValkeyAnswers(shared)


@pytest.fixture
def counts() -> Counter[str]:
    """What became of the calls."""
    return Counter()


@pytest.fixture
async def make(answers: Answers, counts: Counter[str]) -> AsyncIterator[Make]:
    """`make(handler)`: with the layer around it."""
    async with Running() as running:

        def make(inner: Handler, *, route: str = "POST /a", required: bool = False) -> Handler:
            policy = Idempotency.model_validate({"ttl": "1h", "required": required})
            count = counts.update
            layer = once(policy, route, answers, running, timeout=5, count=lambda what: count([what]))
            return layer(inner)

        yield make


async def pieces(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


class Service:
    """Creates one thing after the other, and answers as the test says."""

    def __init__(self) -> None:
        self.created: list[bytes] = []
        self.status = 201
        self.headers: Headers = [(b"content-type", b"application/json"), (b"set-cookie", b"secret=1")]
        self.body: Callable[[int], bytes | AsyncIterator[bytes]] = lambda number: b'{"id":%d}' % number
        self.failure: Exception | None = None
        self.released = 0

    async def __call__(self, call: Call) -> Reply:
        """Read the body, and do it."""
        body = call.body if isinstance(call.body, bytes) else b"".join([chunk async for chunk in call.body])
        self.created.append(body)
        if self.failure:
            raise self.failure
        answer = self.body(len(self.created))

        async def release() -> None:
            self.released += 1

        return Reply(status=self.status, headers=list(self.headers), body=answer, release=release)


def call(
    key: str | None = "k-1",
    body: bytes | AsyncIterator[bytes] = b"{}",
    *,
    user: Identity | str | None = "reader",
    peer: str = "192.0.2.7",
    method: str = "POST",
    query: bytes = b"",
    params: dict[str, list[str]] | None = None,
    kind: bytes = b"application/json",
) -> Call:
    headers = [(b"content-type", kind)]
    headers += [(b"idempotency-key", key.encode())] if key is not None else []
    identity = Identity(subject=user, scopes=frozenset()) if isinstance(user, str) else user
    return Call(
        params=params or {},
        method=method,
        query=query,
        headers=headers,
        body=body,
        request_id=b"7",
        scheme="http",
        peer=peer,
        identity=identity,
    )


async def told(reply: Reply) -> tuple[int, bytes, bool]:
    """Status, body, and whether it is a replay."""
    async with reply:
        return reply.status, await reply.read(10**7), reply.header(b"idempotency-replayed") == b"true"


async def refused(handler: Handler, one: Call) -> Problem:
    with pytest.raises(Problem) as refusal:
        await handler(one)
    return refusal.value


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
