"""Copies of calls: what the shadow gets, and that no caller notices."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest

from frontispiece.aio.background import BackgroundTasks
from frontispiece.gateway.call import Call
from frontispiece.gateway.policies.mirror import MAX_BYTES_READ, Mirror, mirror_layer
from frontispiece.http.problems import Problem
from frontispiece.upstream import Reply, Unreachable
from tests.frontispiece.upstream.fakes import Chance, settled
from tests.support.calls import Handler, answering, call, in_chunks, raising, watch_release


class Mirrored:
    """A route with a shadow."""

    def __init__(
        self,
        shadow: Handler,
        *,
        timeout: float = 10.0,
        limit: int = 5,
        chance: Callable[[], float] = lambda: 0.0,
        **policy: Any,
    ) -> None:
        self.real = Handler(answering(200))
        self.shadow = shadow
        self.shadows = BackgroundTasks(limit=limit, shutdown_timeout=0)
        self.counted: Counter[str] = Counter()
        self.finished = asyncio.Event()
        self._handle = mirror_layer(
            Mirror.model_validate({"to": "shadow", **policy}),
            shadow,
            timedelta(seconds=timeout),
            self.shadows,
            self._count,
            chance,
        )(self.real)

    def _count(self, outcome: str) -> None:
        self.counted[outcome] += 1
        self.finished.set()

    async def ask(self, one: Call) -> int:
        """The status that the client gets."""
        return (await self._handle(one)).status


async def hanging(_call: Call) -> Reply:
    return await asyncio.Future[Reply]()


async def test_the_shadow_gets_the_same_call_and_what_it_does_with_it_does_not_reach_the_call() -> None:
    async def spoiling(copy: Call) -> Reply:
        assert (copy.method, copy.query, copy.params) == ("GET", b"a=b", {"id": ["7"]})
        assert copy.headers == [(b"accept", b"text/html")]
        assert copy.send_interim is None
        copy.headers.clear()
        copy.response_headers.append((b"x-spoiled", b"1"))
        copy.variant = "elsewhere"
        return Reply.whole(404, b"", [])

    route = Mirrored(Handler(spoiling))
    one = call("GET", query=b"a=b", headers=[(b"accept", b"text/html")], params={"id": ["7"]})
    one.send_interim = lambda status, _headers: pytest.fail(f"the client got {status}")

    assert await route.ask(one) == 200
    await settled()

    assert route.counted == {"answered": 1}
    assert (one.headers, one.response_headers, one.variant) == ([(b"accept", b"text/html")], [], None)


@pytest.mark.parametrize(
    ("answer", "logged"),
    [
        (answering(500), False),
        (raising(Unreachable("there is no connection")), False),
        (raising(Problem(502, "upstream-failed")), False),
        (raising(KeyError("a bug")), True),
    ],
)
async def test_a_shadow_that_fails_is_counted_and_only_a_bug_is_logged(
    answer: Any, caplog: pytest.LogCaptureFixture, *, logged: bool
) -> None:
    route = Mirrored(Handler(answer))

    with caplog.at_level(logging.ERROR):
        assert await route.ask(call()) == 200
        await settled()

    assert route.counted == {"failed": 1}
    assert ("the copy of request 7 failed" in caplog.text) is logged


async def test_a_shadow_that_hangs_delays_no_call_and_its_copy_is_cancelled() -> None:
    route = Mirrored(Handler(hanging), timeout=0.01)

    assert await route.ask(call()) == 200
    async with asyncio.timeout(60):
        await route.finished.wait()
        await settled()

    assert route.counted == {"failed": 1}
    assert not route.shadows.is_full


async def test_of_an_endless_response_only_the_beginning_is_read() -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 64 * 1024
            yield bytes(64 * 1024)

    reply = Reply(status=200, headers=[], body=endless())
    released = watch_release(reply)

    async def answer(_call: Call) -> Reply:
        return reply

    route = Mirrored(Handler(answer))
    await route.ask(call())
    await settled()

    assert MAX_BYTES_READ < sent <= MAX_BYTES_READ + 64 * 1024
    assert released.is_set()


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_unsafe_calls_are_copied_only_when_the_table_says_so(method: str) -> None:
    route = Mirrored(Handler(answering(200)))
    assert await route.ask(call(method, body=b"x")) == 200
    await settled()
    assert route.shadow.calls == []

    route = Mirrored(Handler(answering(200)), unsafe_methods=True)
    await route.ask(call(method, body=b"x"))
    await settled()
    assert [copy.body for copy in route.shadow.calls] == [b"x"]


async def test_a_call_with_a_streamed_body_is_not_copied() -> None:
    route = Mirrored(Handler(answering(200)), unsafe_methods=True)
    one = call("POST", body=in_chunks(b"a"))

    await route.ask(one)
    await settled()

    assert route.shadow.calls == []
    assert not isinstance(one.body, bytes)
    assert [chunk async for chunk in one.body] == [b"a"]


async def test_a_fraction_of_the_calls_is_copied() -> None:
    route = Mirrored(Handler(answering(200)), fraction=0.25, chance=Chance(), limit=1)
    for _ in range(400):
        await route.ask(call())
        await settled()

    assert 70 <= len(route.shadow.calls) <= 130
    assert len(route.real.calls) == 400


async def test_above_a_number_in_flight_copies_are_dropped_and_at_the_end_all_are_cancelled() -> None:
    route = Mirrored(Handler(hanging), limit=3)

    async with asyncio.timeout(60), route.shadows:
        assert [await route.ask(call()) for _ in range(5)] == [200] * 5
        await settled()
        assert (len(route.shadow.calls), route.counted) == (3, {"dropped": 2})

    assert route.counted == {"dropped": 2}
    assert asyncio.all_tasks() == {asyncio.current_task()}
