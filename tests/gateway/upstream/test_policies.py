"""Balancing, breaker and limit together: nothing is lost, whatever happens; and over real sockets."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st

from front.sockets import bound
from gateway.upstream import Nonsense, Reply, TimedOut, Unreachable
from gateway.upstream.balance import LONGEST_PAUSE, Balanced
from gateway.upstream.breaker import Breaker
from gateway.upstream.limit import Limited
from gateway.upstream.over_httpx import HttpxTransport
from gateway.upstream.policy import BreakerPolicy, ConcurrencyPolicy
from tests.gateway.upstream.fakes import (
    GET,
    Clock,
    Fake,
    Held,
    answering,
    ask,
    ended,
    hanging,
    settled,
    streamed,
    streaming,
)
from tests.support.ports import free_ports
from tests.support.serving import Serve
from tests.support.stub import Exchange, Stub, fine
from tests.support.stub import answering as saying

SLOTS = 3

STEPS = ["call", "call", "call", "call once", "answer", "stream", "fail", "away", "late", "nonsense", "bug",
         "cancel", "release", "release twice", "later"]  # fmt: skip


class World:
    """Three addresses behind all policies, every call of which the test holds in its hands."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.held = Held()
        self.addresses = {name: Fake(self.held) for name in "abc"}
        self.balanced = Balanced(
            self.addresses,
            health=None,
            random=random.Random(7).random,  # noqa: S311 (nothing is secret here)
            clock=self.clock,
        )
        breaker = BreakerPolicy.model_validate({"calls": 4, "pause": "2s"})
        self.transport = Limited(
            Breaker("things", self.balanced, breaker, clock=self.clock),
            ConcurrencyPolicy(calls=SLOTS, queue=2),
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
            self.clock.go_on(which / 4)
        elif step == "cancel" and self.calls:
            self.calls[which % len(self.calls)].cancel()
        elif step.startswith("release") and self.replies:
            reply = self.replies.pop(which % len(self.replies))
            for _ in range(1 if step == "release" else 2):
                await reply.release()
        elif self.held.calls:
            await self.end_one(step, which)
        if which % 2:  # else several things happen in one moment
            await self.look()

    async def end_one(self, step: str, which: int) -> None:
        """Let one call be answered, or fail."""
        failures = {"away": Unreachable("away"), "late": TimedOut("late"), "nonsense": Nonsense("odd")}
        if step in {"answer", "stream", "fail"}:
            answer = {"answer": answering(404), "stream": streaming, "fail": answering(500)}[step]
            self.held.give(await answer(GET), which)
        elif step in failures:
            self.held.fail(failures[step], which)
        elif step == "bug":
            self.held.fail(ZeroDivisionError(), which)

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
        self.clock.go_on(LONGEST_PAUSE)
        for fake in self.addresses.values():
            fake.answer = answering(200)
        assert await ask(self.transport) == 200
        for fake in self.addresses.values():
            fake.answer = hanging
            fake.asked.clear()
        calls = [asyncio.create_task(self.transport.send(GET)) for _ in range(SLOTS + 2)]
        await settled()
        through = sum(len(fake.asked) for fake in self.addresses.values())
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
    """An instance of a service on a port, which says its name once a connection; all that it was asked."""
    asked: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        head = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(name)
        writer.write(head + name)
        writer.close()

    async with await asyncio.start_server(handle, sock=bound(port)):
        yield asked


async def names(balanced: Balanced, calls: int) -> set[bytes]:
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
        Balanced(transports, health=None, clock=clock) as balanced,
        instance(ports[0], b"first"),
    ):
        async with instance(ports[1], b"second"):
            assert await names(balanced, 40) == {b"first", b"second"}
        assert await names(balanced, 40) == {b"first"}
        async with instance(ports[1], b"second") as asked:
            assert await names(balanced, 40) == {b"first"}
            assert not asked, "it is left out for a while"
            clock.go_on(LONGEST_PAUSE)
            assert await names(balanced, 40) == {b"first", b"second"}


OpenGateway = Callable[..., Awaitable[httpx.AsyncClient]]

ROUTE = """
[[routes]]
path = "/things"
to = "things"
auth = "none"
"""


async def test_a_table_may_name_several_addresses(serve: Serve, open_gateway: OpenGateway) -> None:
    stubs = [Stub(), Stub()]
    urls = [await serve(stub) for stub in stubs]
    listed = await open_gateway(f"[services.things]\nurl = {urls}\nhealth.path = '/health/ready'\n{ROUTE}")
    registered = await open_gateway(
        f"[services.things]\nurl = 'registry://things'\n{ROUTE}", things=", ".join(urls)
    )

    for http in (listed, registered):
        for stub in stubs:
            stub.asked.clear()
        for _ in range(30):
            assert (await http.get("/things")).status_code == 200
        assert [bool(stub.asked) for stub in stubs] == [True, True]
        assert sum(len(stub.asked) for stub in stubs) == 30


async def test_a_table_may_ask_for_a_breaker(serve: Serve, open_gateway: OpenGateway) -> None:
    stub = Stub(saying(500, b"broken"))
    http = await open_gateway(
        f"[services.things]\nurl = '{await serve(stub)}'\nbreaker = {{ calls = 3, pause = '10m' }}\n{ROUTE}"
    )

    assert [(await http.get("/things")).status_code for _ in range(3)] == [500] * 3
    refused = await http.get("/things")

    assert (refused.status_code, refused.headers["retry-after"]) == (503, "600")
    assert refused.json()["type"] == "urn:frontispiece:problem:upstream-unavailable"
    assert refused.json()["detail"] == "things: its circuit breaker is open."
    assert len(stub.asked) == 3


async def test_a_table_may_limit_how_many_calls_a_service_gets_at_a_time(
    serve: Serve, open_gateway: OpenGateway
) -> None:
    stub, go_on = Stub(), asyncio.Event()

    async def answer(exchange: Exchange) -> None:
        await go_on.wait()
        await fine(exchange)

    stub.answer = answer
    http = await open_gateway(
        f"[services.things]\nurl = '{await serve(stub)}'\nconcurrency = {{ calls = 1 }}\n{ROUTE}"
    )

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        first = group.create_task(http.get("/things"))
        await stub.begun.wait()
        refused = await http.get("/things")
        go_on.set()

    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert refused.json()["type"] == "urn:frontispiece:problem:upstream-overloaded"
    assert (await first).status_code == 200
    assert (await http.get("/things")).status_code == 200
