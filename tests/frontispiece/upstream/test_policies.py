"""Balancing, breaker and limit together: nothing is lost, whatever happens; and over real sockets."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from frontispiece.server.sockets import bound
from frontispiece.upstream import InvalidResponse, Reply, TimedOut, Unreachable
from frontispiece.upstream.circuit_breaker import CircuitBreaker
from frontispiece.upstream.concurrency_limit import ConcurrencyLimiter
from frontispiece.upstream.config import BreakerPolicy, ConcurrencyPolicy
from frontispiece.upstream.endpoint import MAX_EJECTION
from frontispiece.upstream.load_balancer import LoadBalancer
from frontispiece.upstream.transports.httpx import HttpxTransport
from tests.frontispiece.upstream.fakes import (
    GET,
    Deferred,
    Fake,
    ask,
    ended,
    hanging,
    settled,
    streamed,
    streaming,
)
from tests.support.calls import answering
from tests.support.clock import Clock
from tests.support.serving import Serve, free_ports
from tests.support.stub import Stub
from tests.support.tables import route, route_table
from tests.support.world import OpenWorld

SLOTS = 3

STEPS = ["call", "call", "call", "call once", "answer", "stream", "fail", "away", "late", "invalid", "bug",
         "cancel", "release", "release twice", "later"]  # fmt: skip


class World:
    """Three addresses behind all policies, every call of which the test holds in its hands."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.deferred = Deferred()
        self.addresses = {name: Fake(self.deferred) for name in "abc"}
        self.balanced = LoadBalancer(
            self.addresses,
            health=None,
            random=random.Random(7).random,  # noqa: S311 (nothing is secret here)
            clock=self.clock,
        )
        breaker = BreakerPolicy.model_validate({"min_requests": 4, "open_duration": "2s"})
        self.transport = ConcurrencyLimiter(
            CircuitBreaker("things", self.balanced, breaker, clock=self.clock),
            ConcurrencyPolicy(max_concurrent=SLOTS, max_queue=2),
            clock=self.clock,
        )
        self.calls: list[asyncio.Task[Reply]] = []
        self.replies: list[Reply] = []

    async def do(self, step: str, which: int) -> None:
        """One step; some of them change nothing where there is no call that they could concern."""
        if step.startswith("call"):
            request = streamed() if step == "call once" else GET
            self.calls.append(asyncio.create_task(self.transport.send(request)))
        elif step == "later":
            self.clock.advance(which / 4)
        elif step == "cancel" and self.calls:
            self.calls[which % len(self.calls)].cancel()
        elif step.startswith("release") and self.replies:
            reply = self.replies.pop(which % len(self.replies))
            for _ in range(1 if step == "release" else 2):
                await reply.release()
        elif self.deferred.calls:
            await self.end_one(step, which)
        if which % 2:  # else several things happen in one moment
            await self.look()

    async def end_one(self, step: str, which: int) -> None:
        """Let one call be answered, or fail."""
        failures = {"away": Unreachable("away"), "late": TimedOut("late"), "invalid": InvalidResponse("odd")}
        if step in {"answer", "stream", "fail"}:
            answer = {"answer": answering(404), "stream": streaming, "fail": answering(500)}[step]
            self.deferred.give(await answer(GET), which)
        elif step in failures:
            self.deferred.fail(failures[step], which)
        elif step == "bug":
            self.deferred.fail(ZeroDivisionError(), which)

    async def look(self) -> None:
        """Take the replies of calls that have ended."""
        await settled()
        for call in [call for call in self.calls if call.done()]:
            self.calls.remove(call)
            if not call.cancelled() and call.exception() is None:
                self.replies.append(call.result())
        running = sum(self.balanced.outstanding.values())
        assert running <= SLOTS

    async def end(self) -> None:
        """Let nothing be left."""
        for call in self.calls:
            call.cancel()
        await self.look()
        for reply in self.replies:
            await reply.release()

    async def free(self) -> int:
        """How many calls get through at a time, once all addresses are well again."""
        self.clock.advance(MAX_EJECTION)
        for fake in self.addresses.values():
            fake.answer = answering(200)
        assert await ask(self.transport) == 200
        for fake in self.addresses.values():
            fake.answer = hanging
            fake.requests.clear()
        calls = [asyncio.create_task(self.transport.send(GET)) for _ in range(SLOTS + 2)]
        await settled()
        through = sum(len(fake.requests) for fake in self.addresses.values())
        for call in reversed(calls):
            await ended(call)
        return through


@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 9)), max_size=60))
@settings(deadline=None)
def test_no_slot_is_lost_and_no_call_forgotten_whatever_happens(steps: list[tuple[str, int]]) -> None:
    async def happen() -> None:
        world = World()
        for step, which in steps:
            await world.do(step, which)
        await world.end()
        assert world.balanced.outstanding == {"a": 0, "b": 0, "c": 0}
        assert await world.free() == SLOTS
        assert world.balanced.outstanding == {"a": 0, "b": 0, "c": 0}

    asyncio.run(happen())


# Over real sockets.


@asynccontextmanager
async def instance(port: int, name: bytes) -> AsyncIterator[list[bytes]]:
    """An instance of a service on a port, which says its name once a connection; all its requests."""
    requested: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requested.append(await reader.readuntil(b"\r\n\r\n"))
        head = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(name)
        writer.write(head + name)
        writer.close()

    async with await asyncio.start_server(handle, sock=bound(port)):
        yield requested


async def names(balanced: LoadBalancer, calls: int) -> set[bytes]:
    """Who answers so many calls, all of which are answered."""
    found = set()
    for _ in range(calls):
        async with await balanced.send(GET) as reply:
            found.add(await reply.read(10))
    return found


async def test_an_instance_that_stops_is_not_missed_and_one_that_comes_back_is_used_again() -> None:
    clock, first = Clock(), free_ports(2)
    ports = first, first + 1
    transports = {f"http://127.0.0.1:{port}": HttpxTransport(f"http://127.0.0.1:{port}") for port in ports}
    async with (
        LoadBalancer(transports, health=None, clock=clock) as balanced,
        instance(ports[0], b"first"),
    ):
        async with instance(ports[1], b"second"):
            assert await names(balanced, 40) == {b"first", b"second"}
        assert await names(balanced, 40) == {b"first"}
        async with instance(ports[1], b"second") as requested:
            assert await names(balanced, 40) == {b"first"}
            assert not requested, "it is left out for a while"
            clock.advance(MAX_EJECTION)
            assert await names(balanced, 40) == {b"first", b"second"}


def table_with(**things: Any) -> str:
    """A table whose service has these keys."""
    return route_table(route("/things"), services={"things": things})


async def test_a_table_may_name_several_addresses(serve: Serve, open_world: OpenWorld) -> None:
    stubs = [Stub(), Stub()]
    urls = [await serve(stub) for stub in stubs]
    listed = (await open_world(table_with(url=urls, health={"path": "/health/ready"}))).http
    registered = (await open_world(route_table(route("/things")), things=", ".join(urls))).http

    for http in (listed, registered):
        for stub in stubs:
            stub.requests.clear()
        for _ in range(30):
            assert (await http.get("/things")).status_code == 200
        assert [bool(stub.requests) for stub in stubs] == [True, True]
        assert sum(len(stub.requests) for stub in stubs) == 30
