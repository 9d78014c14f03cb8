"""Copies of calls: what the shadow gets, and that nobody else notices."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest

from gateway.call import Call
from gateway.layers.mirror import MOST_READ, Shadows, copied
from gateway.policies.mirror import Mirror
from gateway.upstream import Reply, Unreachable
from kit.problems import Problem
from tests.gateway.layers.calls import Handler, answering, call, in_chunks, raising
from tests.gateway.upstream.fakes import Chance, settled


class Mirrored:
    """A route with a shadow."""

    def __init__(
        self,
        shadow: Handler,
        *,
        timeout: float = 10.0,
        most: int = 5,
        chance: Callable[[], float] = lambda: 0.0,
        **policy: Any,
    ) -> None:
        self.real = Handler(answering(200))
        self.shadow = shadow
        self.shadows = Shadows(most)
        self.counted: Counter[str] = Counter()
        self.told = asyncio.Event()
        self._handle = copied(
            Mirror.model_validate({"to": "shadow", **policy}),
            shadow,
            timedelta(seconds=timeout),
            self.shadows,
            self._count,
            chance,
        )(self.real)

    def _count(self, outcome: str) -> None:
        self.counted[outcome] += 1
        self.told.set()

    async def ask(self, one: Call) -> int:
        """The status that the client gets."""
        return (await self._handle(one)).status


async def hanging(_call: Call) -> Reply:
    return await asyncio.Future[Reply]()


async def test_the_shadow_gets_the_same_call_and_the_client_the_real_answer() -> None:
    route = Mirrored(Handler(answering(404)))
    one = call("GET", query=b"a=b", headers=[(b"accept", b"text/html")], params={"id": ["7"]})

    assert await route.ask(one) == 200
    await settled()

    (copy,) = route.shadow.calls
    assert (copy.method, copy.query, copy.params) == ("GET", b"a=b", {"id": ["7"]})
    assert copy.headers == [(b"accept", b"text/html")]
    assert route.counted == {"answered": 1}


async def test_what_happens_to_the_copy_happens_not_to_the_call() -> None:
    async def spoiling(copy: Call) -> Reply:
        copy.headers.clear()
        copy.told.append((b"x-spoiled", b"1"))
        copy.side = "elsewhere"
        return Reply.whole(200, b"", [])

    route = Mirrored(Handler(spoiling))
    one = call(headers=[(b"accept", b"text/html")])

    await route.ask(one)
    await settled()

    assert route.counted == {"answered": 1}
    assert (one.headers, one.told, one.side) == ([(b"accept", b"text/html")], [], None)


@pytest.mark.parametrize(
    "answer",
    [
        answering(500),
        raising(Unreachable("there is no connection")),
        raising(Problem(502, "upstream-failed")),
    ],
)
async def test_a_shadow_that_fails_is_counted_and_nothing_else(answer: Any) -> None:
    route = Mirrored(Handler(answer))

    assert await route.ask(call()) == 200
    await settled()

    assert route.counted == {"failed": 1}


async def test_a_bug_on_the_way_to_the_shadow_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    route = Mirrored(Handler(raising(KeyError("a bug"))))

    with caplog.at_level(logging.ERROR):
        assert await route.ask(call()) == 200
        await settled()

    assert "the copy of request 7 failed" in caplog.text
    assert route.counted == {"failed": 1}


async def test_a_shadow_that_hangs_holds_nobody_up_and_is_given_up() -> None:
    route = Mirrored(Handler(hanging), timeout=0.01)

    assert await route.ask(call()) == 200
    async with asyncio.timeout(5):
        await route.told.wait()
        await settled()

    assert route.counted == {"failed": 1}
    assert route.shadows.has_room


async def test_of_an_endless_answer_only_the_beginning_is_read() -> None:
    sent = 0
    released = False

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 64 * 1024
            yield bytes(64 * 1024)

    async def release() -> None:
        nonlocal released
        released = True

    async def answer(_call: Call) -> Reply:
        return Reply(status=200, headers=[], body=endless(), release=release)

    route = Mirrored(Handler(answer))
    await route.ask(call())
    await settled()

    assert MOST_READ < sent <= MOST_READ + 64 * 1024
    assert released


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_calls_that_change_something_are_copied_only_when_the_table_says_so(method: str) -> None:
    route = Mirrored(Handler(answering(200)))
    assert await route.ask(call(method, body=b"x")) == 200
    await settled()
    assert route.shadow.calls == []

    route = Mirrored(Handler(answering(200)), unsafe=True)
    await route.ask(call(method, body=b"x"))
    await settled()
    assert [copy.body for copy in route.shadow.calls] == [b"x"]


async def test_a_body_that_is_still_to_come_is_for_the_service_alone() -> None:
    route = Mirrored(Handler(answering(200)), unsafe=True)
    one = call("POST", body=in_chunks(b"a"))

    await route.ask(one)
    await settled()

    assert route.shadow.calls == []
    assert not isinstance(one.body, bytes)
    assert [chunk async for chunk in one.body] == [b"a"]


async def test_a_share_of_the_calls_is_copied() -> None:
    route = Mirrored(Handler(answering(200)), share=0.25, chance=Chance(), most=1)
    for _ in range(2000):
        await route.ask(call())
        await settled()

    assert 400 <= len(route.shadow.calls) <= 600
    assert len(route.real.calls) == 2000


async def test_above_so_many_on_their_way_copies_are_dropped_and_calls_go_on() -> None:
    route = Mirrored(Handler(hanging), most=3)

    assert [await route.ask(call()) for _ in range(5)] == [200] * 5
    await settled()

    assert (len(route.shadow.calls), route.counted) == (3, {"dropped": 2})
    async with route.shadows:
        pass  # their end


async def test_at_the_end_of_the_gateway_copies_end_at_once() -> None:
    route = Mirrored(Handler(hanging))
    async with asyncio.timeout(5), route.shadows:
        await route.ask(call())
        await settled()
        assert len(route.shadow.calls) == 1

    assert route.counted == {}
    assert asyncio.all_tasks() == {asyncio.current_task()}
