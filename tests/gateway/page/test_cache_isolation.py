"""Whatever happens in whatever order, nobody is ever given what was loaded for somebody else."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct

from gateway.page.cache import MISSING, Cache, KeptResults
from gateway.page.cache_key import key_of
from gateway.upstream import Refused, TimedOut, Unreachable, UpstreamError
from kit.tokens import Identity
from tests.support.caching import Clock, store_at

POLICY = Cache(ttl=2, stale=3, stale_if_error=6, negative=2, size=3, shared=True)


class Private(Struct, frozen=True):
    """What a load returns: whose it is."""

    subject: str
    scopes: tuple[str, ...]
    client: str
    item: str


Asked = tuple[Identity, str]

callers = st.builds(
    Identity,
    subject=st.sampled_from(["a", "b", "ab", ""]),
    scopes=st.frozensets(st.sampled_from(["a", "b", "a b"]), max_size=2),
    client=st.sampled_from(["web", "mobile"]),
)
asked = st.tuples(callers, st.sampled_from(["a", "b", ""]))
outcomes = st.sampled_from(
    [None, None, None, Unreachable("away"), TimedOut("slow"), Refused(404), Refused(403)]
)
steps = st.lists(
    st.tuples(st.just("ask"), asked, st.integers(0, 1))
    | st.tuples(st.just("end a load"), st.integers(0, 5), outcomes)
    | st.tuples(st.just("leave"), st.integers(0, 5))
    | st.tuples(st.just("let time pass"), st.sampled_from([1, 2, 4])),
    max_size=40,
)


def own(asked: Asked) -> Private:
    identity, item = asked
    return Private(identity.subject, tuple(sorted(identity.scopes)), identity.client, item)


@dataclass
class World:
    """Processes with callers who wait, and loads that end when a step says so."""

    processes: list[KeptResults]
    clock: Clock
    waiting: dict["asyncio.Task[Any]", Asked] = field(default_factory=dict)
    loading: list["asyncio.Future[Exception | None]"] = field(default_factory=list)
    served: int = 0

    async def take(self, step: tuple[Any, ...]) -> None:
        """Do one thing, and look at all that comes of it."""
        match step:
            case "ask", asked, process:
                self.ask(asked, self.processes[process % len(self.processes)])
            case "end a load", number, outcome:
                self.end_load(number, outcome)
            case "leave", number if self.waiting:
                list(self.waiting)[number % len(self.waiting)].cancel()
            case "let time pass", seconds:
                self.clock.pass_by(seconds)
        for _ in range(4):
            await asyncio.sleep(0)
        self.look()

    def ask(self, asked: Asked, kept: KeptResults) -> None:
        """Somebody wants something of theirs."""
        key = key_of(asked)
        if (seen := kept.peek(key)) is not MISSING:
            assert seen == own(asked)
        self.waiting[asyncio.create_task(kept.get(key, self.load_of(asked)))] = asked

    def load_of(self, asked: Asked) -> Callable[[], Awaitable[Private]]:
        """What the service says, when it says something."""

        async def load() -> Private:
            self.loading.append(asyncio.get_running_loop().create_future())
            if (failure := await self.loading[-1]) is not None:
                raise failure
            return own(asked)

        return load

    def end_load(self, number: int, outcome: Exception | None) -> None:
        """One of the loads under way ends."""
        self.loading = [load for load in self.loading if not load.done()]
        if self.loading:
            self.loading[number % len(self.loading)].set_result(outcome)

    def look(self) -> None:
        """Everybody who was answered was given their own."""
        for task in [task for task in self.waiting if task.done()]:
            asked = self.waiting.pop(task)
            if task.cancelled() or isinstance(task.exception(), UpstreamError):
                continue
            assert task.result()[0] == own(asked)
            self.served += 1

    async def end(self) -> None:
        """Let everybody who still waits be answered."""
        async with asyncio.timeout(10):
            while self.waiting:
                await self.take(("end a load", 0, None))


async def live(steps: list[tuple[Any, ...]], url: str | None, name: str) -> None:
    """Take these steps, in one process or in two that share their results."""
    clock = Clock()
    async with AsyncExitStack() as stack:
        processes = []
        for _ in range(2 if url else 1):
            store = None
            if url:
                store = await stack.enter_async_context(store_at(url, clock))
            processes.append(KeptResults(name, POLICY, Private, store, clock))
            stack.push_async_callback(processes[-1].close)
        world = World(processes, clock)
        for step in steps:
            await world.take(step)
        await world.end()


names = (f"books {number}" for number in itertools.count())


@given(steps)
@settings(deadline=None)
def test_in_one_process(steps: list[tuple[Any, ...]]) -> None:
    asyncio.run(live(steps, None, next(names)))


# The server is the same for all examples: each has a source of its own.
@given(steps=steps)
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_in_two_processes_that_share(valkey_url: str, steps: list[tuple[Any, ...]]) -> None:
    asyncio.run(live(steps, valkey_url, next(names)))


def test_the_steps_do_lead_to_results_that_are_used_again() -> None:
    """Were every example idle, nothing would be shown."""
    reader = Identity(subject="a", scopes=frozenset())
    clock = Clock()

    async def world() -> World:
        kept = KeptResults("books", POLICY, Private, None, clock)
        world = World([kept], clock)
        for step in [("ask", (reader, "a"), 0), ("end a load", 0, None), *[("ask", (reader, "a"), 0)] * 3]:
            await world.take(step)
        await world.end()
        return world

    lived = asyncio.run(world())

    assert (lived.served, len(lived.loading)) == (4, 1)
